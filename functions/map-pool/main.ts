import { runClusterMapper } from '../../shared/runtime/run-function.ts';
import { mapPool } from './map-pool.ts';

await runClusterMapper('map-pool', mapPool);
