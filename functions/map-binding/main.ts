import { runMapper } from '../../shared/runtime/run-function.ts';
import { mapBinding } from '../../shared/mappers/map-binding.ts';

await runMapper('map-binding', mapBinding);
