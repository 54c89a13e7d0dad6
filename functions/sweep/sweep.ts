import { createBatches } from '../../shared/batches.ts';
import { nothing } from '../../shared/events/answers.ts';
import { type BindingNames, answerBindingsAffected } from '../../shared/events/bindings-affected.ts';
import type { Handler } from '../../shared/events/function-app.ts';
import { compareText } from '../../shared/identity/canonical.ts';
import { toDigest } from '../../shared/identity/digest.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';
import { collectCluster } from '../../shared/kube/collect-cluster.ts';
import { findUnsettled } from './find-unsettled.ts';

// A reply must stay well below what brokers carry (Kafka's default is 1 MiB); a name has at most 253 characters.
const maxNames = 2_000;

/** What one look at the cluster found, and which events it was for. */
interface Look {
  readonly causes: readonly string[];
  readonly namespaces: number;
  readonly unsettled: readonly BindingNames[];
}

/**
 * Looks at the whole cluster, whatever event asks for it (a tick, or one that a broker gave up on), and names what is
 * not settled. Sources lose events by construction: this is the floor under everything. Dead letters come in crowds, so
 * those that arrive during a look share the next one, and the first of them carries the reply.
 */
export function sweep(cluster: Cluster, settings: Settings): Handler {
  const looks = createBatches((_everything, causes) => look(cluster, settings, causes));
  return async function handleAny({ id }) {
    const { causes, namespaces, unsettled } = await looks.ask('everything', [id]);
    const [cause = id] = causes;
    if (cause !== id) return nothing({ namespaces, sharedWith: cause });
    return answerBindingsAffected({ from: 'sweep', cause, bindings: cut(unsettled, cause) }, { namespaces });
  };
}

async function look(cluster: Cluster, settings: Settings, causes: readonly string[]): Promise<Look> {
  const snapshots = await collectCluster(cluster);
  const unsettled = snapshots
    .map((snapshot) => ({ namespace: snapshot.namespace, names: findUnsettled(snapshot, settings) }))
    .filter(({ names }) => names.length > 0)
    .toSorted((a, b) => compareText(a.namespace, b.namespace));
  return { causes, namespaces: snapshots.length, unsettled };
}

/** At most so many names, begun at another place each time, so that what cannot settle never starves the rest. */
function cut(groups: readonly BindingNames[], seed: string): BindingNames[] {
  const all = groups.flatMap(({ namespace, names }) => names.map((name) => ({ namespace, names: [name] })));
  if (all.length <= maxNames) return all;
  const start = Number.parseInt(toDigest(seed, 8), 16) % all.length;
  return [...all.slice(start), ...all.slice(0, start)].slice(0, maxNames);
}
