import { runClusterMapper } from '../../shared/run-function.ts';
import { mapPool } from './map-pool.ts';

await runClusterMapper('map-pool', mapPool);
