import { randomUUID } from 'node:crypto';
import { nodeEventLoop } from '../../shared/concurrency/node-event-loop.ts';
import { parseRenderingConfig } from '../../shared/runtime/config.ts';
import { connectCluster, runFunction } from '../../shared/runtime/run-function.ts';
import { reconcile } from './reconcile.ts';
import { acceptNewBindings } from './accept-new-bindings.ts';

await runFunction({
  name: 'reconcile',
  parseConfig: parseRenderingConfig,
  prepare: async ({ settings }, log) =>
    acceptNewBindings(
      reconcile({
        cluster: await connectCluster(),
        settings,
        log,
        nonce: randomUUID,
        ...nodeEventLoop,
      }),
    ),
});
