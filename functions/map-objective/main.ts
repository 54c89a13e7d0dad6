import { runClusterMapper } from '../../shared/runtime/run-function.ts';
import { mapObjective } from './map-objective.ts';

await runClusterMapper('map-objective', mapObjective);
