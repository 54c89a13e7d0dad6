import { parseRenderingConfig } from '../../shared/config.ts';
import { realTurns } from '../../shared/real-turns.ts';
import { connectCluster, runFunction } from '../../shared/run-function.ts';
import { sweep } from './sweep.ts';

await runFunction({
  name: 'sweep',
  parseConfig: parseRenderingConfig,
  prepare: async ({ settings }) => sweep(await connectCluster(), settings, realTurns),
});
