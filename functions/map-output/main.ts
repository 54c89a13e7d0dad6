import { runClusterMapper } from '../../shared/run-function.ts';
import { mapOutput } from './map-output.ts';

await runClusterMapper('map-output', mapOutput);
