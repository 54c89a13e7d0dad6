import { runMapper } from '../../shared/run-function.ts';
import { mapBinding } from '../../shared/map-binding.ts';

await runMapper('map-binding', mapBinding);
