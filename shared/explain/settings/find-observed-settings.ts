import type { Binding } from '../../api/binding.ts';
import type { ObservedSettings } from './resolved-settings.ts';

/** The settings that most bindings were evaluated under; undefined: none of them was. */
export function findObservedSettings(bindings: Iterable<Binding>): ObservedSettings | undefined {
  const observed = [...bindings].flatMap(({ status }) => (status?.trustDomain ? [status] : []));
  const groups = Map.groupBy(observed, ({ trustDomain, clusterSPIFFEIDClassName }) =>
    JSON.stringify([trustDomain, clusterSPIFFEIDClassName]),
  );
  const [most] = [...groups.values()].toSorted((a, b) => b.length - a.length);
  return most?.[0];
}
