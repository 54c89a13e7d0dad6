import { parseRenderingConfig } from '../../shared/runtime/config.ts';
import { realTurns } from '../../shared/concurrency/real-turns.ts';
import { connectCluster, runFunction } from '../../shared/runtime/run-function.ts';
import { sweep } from './sweep.ts';

await runFunction({
  name: 'sweep',
  parseConfig: parseRenderingConfig,
  prepare: async ({ settings }) => sweep(await connectCluster(), settings, realTurns),
});
