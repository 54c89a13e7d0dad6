import type { Binding } from '../../api/binding.ts';
import { collect } from '../../collect/collect.ts';
import { createRunCache } from '../../collect/run-cache.ts';
import type { Snapshot } from '../../decide/world.ts';
import type { Settings } from '../../identity/settings.ts';
import type { Lacks } from './permissions.ts';
import { readAlternatives } from './read-alternatives.ts';
import type { Reader } from './reader.ts';
import { tolerate } from './tolerant-cluster.ts';

interface Reading {
  readonly settings: Settings;
  readonly lacks: Lacks;
  /** The API server's time. */
  readonly at: string;
  /** Bindings that were read already, for where they may not be listed. */
  readonly known: readonly Binding[];
}

/** The namespace of a reader as the functions collect it, as far as it may be read. */
export async function readNamespace(
  { cluster, namespace }: Reader,
  { settings, lacks, at, known }: Reading,
): Promise<Snapshot> {
  const tolerant = tolerate(cluster, lacks, at);
  const listed = {
    ...tolerant,
    listBindings: async (where: Parameters<typeof tolerant.listBindings>[0]) => {
      const found = await tolerant.listBindings(where);
      return found === 'unserved' || found.items.length > 0 ? found : { ...found, items: known };
    },
  };
  const names = known.map(({ metadata }) => metadata.name);
  const snapshot = await collect(listed, { namespace, names, settings, isWhole: true }, createRunCache());
  return { ...snapshot, sources: await readAlternatives(cluster, snapshot) };
}
