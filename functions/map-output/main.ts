import { runClusterMapper } from '../../shared/runtime/run-function.ts';
import { mapOutput } from './map-output.ts';

await runClusterMapper('map-output', mapOutput);
