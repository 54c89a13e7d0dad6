import { setImmediate } from 'node:timers/promises';
import type { Output } from '../api/cluster-spiffe-id.ts';
import { type OwnerOf, type Snapshot, createOwnerOf } from '../decide/world.ts';
import { toHeldKey, toKeyDigest } from '../identity/collision-key.ts';
import type { ClusterReads, Listed } from '../kube/cluster.ts';
import type { BindingsByName, Names } from './bindings-by-name.ts';
import { toClock } from './clock.ts';
import type { Neighbours } from './neighbourhood.ts';
import { readClaimedOutputs } from './read-claimed-outputs.ts';
import { readClock } from './read-clock.ts';
import { readOwners } from './read-owners.ts';
import { readSources } from './read-sources.ts';
import { type RunCache, cacheBindings, cacheOutputs, isUnchanged } from './run-cache.ts';

/** What was listed. */
interface Lists extends Neighbours {
  /** The converged ones of those beside. */
  readonly partial: ReadonlySet<string>;
  readonly outputs: Listed<Output> | 'unserved';
}

/** To go once through more than this may take as long as others should wait at most. */
const mostAtOnce = 2_000;

/** Completes the lists by what must be read by name, and by pools and objectives. */
export async function completeSnapshot(
  cluster: ClusterReads,
  { namespace, names }: Names,
  cache: RunCache,
  { bindings: listed, outputs, beside, partial, hasOverlaps, by }: Lists,
): Promise<Snapshot> {
  const extent = {
    ...(!hasOverlaps && ({ isNarrow: true } as const)),
    ...(partial.size > 0 && { partial }),
    ...(by === 'shapes' && beside.size > 0 && { peerless: beside }),
  };
  if (outputs === 'unserved') {
    const clock = await readClock(cluster, namespace);
    const { sources } = await readSources(cluster, namespace, listed.values());
    return { namespace, bindings: listed, outputs, sources, clock, ...extent };
  }
  const size = listed.size + outputs.items.length;
  cache.listed = Math.max(cache.listed, size);
  const pause = () => (size > mostAtOnce ? setImmediate() : undefined);
  const clock = toClock(outputs.at);
  const whole = new Map([...listed].filter(([name]) => !partial.has(name)));
  const all = [...outputs.items, ...(await readClaimedOutputs(cluster, whole, outputs.items, clock))];
  await pause();
  const ownerOf = createOwnerOf(listed, namespace);
  const isMeant = by === 'keys' ? createRelevance(names, cache.keys, whole, ownerOf) : () => true;
  const concerned = all.filter(isMeant);
  await pause();
  const bindings = await readOwners(cluster, namespace, listed, concerned);
  await pause();
  const owned = concerned.map((output) => [output, ownerOf(output)] as const);
  await pause();
  const known = cache.sources && isUnchanged(cache, names, bindings, owned) ? cache.sources : undefined;
  await pause();
  // A neighbour that has converged is judged by its claim alone.
  const referring = [...bindings.values()].filter(({ metadata }) => !partial.has(metadata.name));
  cache.sources = await readSources(cluster, namespace, referring, known);
  await pause();
  cacheBindings(cache, names, bindings);
  await pause();
  cacheOutputs(cache, names, owned);
  return { namespace, bindings, outputs: concerned, sources: cache.sources.sources, clock, ...extent };
}

/** Selects the outputs that matter here: those without a label come from the whole namespace. */
function createRelevance(
  names: readonly string[],
  keys: ReadonlySet<string>,
  listed: BindingsByName,
  ownerOf: OwnerOf,
): (output: Output) => boolean {
  const own = new Set(names);
  return (output) => {
    const owner = ownerOf(output);
    if (owner !== undefined && (own.has(owner) || listed.has(owner))) return true;
    const key = toHeldKey(output);
    return key !== undefined && keys.has(toKeyDigest(key));
  };
}
