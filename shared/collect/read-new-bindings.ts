import type { Binding } from '../api/binding.ts';
import type { Clock } from '../decide/world.ts';
import { mapLimited } from '../concurrency/for-each-limited.ts';
import type { ClusterReads } from '../kube/cluster.ts';
import { isPresent, throwBindingsUnserved } from '../kube/read-guards.ts';
import { toClock } from './clock.ts';
import type { Names } from './bindings-by-name.ts';
import { readsAtOnce } from './limits.ts';
import { type ReadSources, readSources } from './read-sources.ts';
import { type RunCache, cacheBinding } from './run-cache.ts';

/** A binding, as it was read by name. */
export interface ReadBinding {
  readonly binding: Binding;
  /** The API server's time, when it was read. */
  readonly clock: Clock;
}

/** Reads a few bindings by name. This is no collect: it reads nothing about others. */
export async function readNewBindings(
  cluster: ClusterReads,
  { namespace, names }: Names,
  cache: RunCache,
): Promise<ReadBinding[]> {
  const looks = await mapLimited(names, readsAtOnce, (name) => cluster.readBinding(namespace, name));
  const found = looks.flatMap((look) =>
    isPresent(look.found, throwBindingsUnserved) ? [{ binding: look.found, clock: toClock(look.at) }] : [],
  );
  for (const { binding } of found) cacheBinding(cache, binding);
  return found;
}

/** Reads the pools and objectives of these bindings. */
export async function readSourcesOf(
  cluster: ClusterReads,
  namespace: string,
  bindings: readonly Binding[],
  cache: RunCache,
): Promise<ReadSources> {
  cache.sources = await readSources(cluster, namespace, bindings);
  return cache.sources;
}
