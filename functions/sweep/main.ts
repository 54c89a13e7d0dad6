import { parseRenderingConfig } from '../../shared/config.ts';
import { connectCluster, runFunction } from '../../shared/run-function.ts';
import { sweep } from './sweep.ts';

await runFunction({
  name: 'sweep',
  parseConfig: parseRenderingConfig,
  prepare: async ({ settings }) => sweep(await connectCluster(), settings),
});
