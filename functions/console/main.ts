import { openReads } from '../../shared/kube/open-reads.ts';
import { parseConsoleConfig } from '../../shared/runtime/config.ts';
import { openApiServer, runApplication } from '../../shared/runtime/run-function.ts';
import { createConsole } from './console.tsx';

// A person waits for the answer, and queue-proxy gives up after a minute.
const callTimeoutMs = 15_000;

await runApplication({
  name: 'console',
  parseConfig: parseConsoleConfig,
  create: async ({ settings, hosts }, log) =>
    createConsole({
      kube: openReads(await openApiServer(), { userAgent: 'kleym-console', callTimeoutMs }),
      settings,
      hosts,
      log,
    }),
});
