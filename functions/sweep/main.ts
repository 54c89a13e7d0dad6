import { parseRenderingConfig } from '../../shared/runtime/config.ts';
import { nodeEventLoop } from '../../shared/concurrency/node-event-loop.ts';
import { connectCluster, runFunction } from '../../shared/runtime/run-function.ts';
import { countOn } from './count-on.ts';
import { sweep } from './sweep.ts';

await runFunction({
  name: 'sweep',
  parseConfig: parseRenderingConfig,
  prepare: async ({ settings }, _log, count) =>
    sweep(await connectCluster(), settings, nodeEventLoop, countOn(count)),
});
