import { randomUUID } from 'node:crypto';
import { realTurns } from '../../shared/concurrency/real-turns.ts';
import { parseRenderingConfig } from '../../shared/runtime/config.ts';
import { connectCluster, runFunction } from '../../shared/runtime/run-function.ts';
import { reconcile } from './reconcile.ts';
import { takeNewBindings } from './take-new-bindings.ts';

await runFunction({
  name: 'reconcile',
  parseConfig: parseRenderingConfig,
  prepare: async ({ settings }, log) =>
    takeNewBindings(
      reconcile({
        cluster: await connectCluster(),
        settings,
        log,
        nonce: randomUUID,
        ...realTurns,
      }),
    ),
});
