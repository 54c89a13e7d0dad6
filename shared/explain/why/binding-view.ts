import { type Binding, toEffectiveMode } from '../../api/binding.ts';
import type { Output } from '../../api/cluster-spiffe-id.ts';
import { type Condition, findReady } from '../../api/conditions.ts';
import type { Refused } from '../../api/outcome.ts';
import { isMap } from '../../api/bounded.ts';
import { poolResources } from '../../api/pool.ts';
import { findPeers, findCollision } from '../../decide/peers.ts';
import { type Snapshot, type World, toWorld } from '../../decide/world.ts';
import { isSameContent } from '../../identity/content.ts';
import { toHint } from '../../identity/ownership.ts';
import { renderIdentity } from '../../identity/render-identity.ts';
import type { Settings } from '../../identity/settings.ts';
import { renderWorkloadSelectors } from '../../identity/workload-selectors.ts';
import { describeRefusal } from '../describe-refusal.ts';
import { splitPodLabels } from '../workloads/split-pod-labels.ts';

/** A binding as its workloads see it. */
export interface BindingView {
  readonly namespace: string;
  readonly name: string;
  readonly mode: string;
  /** What a workload must show; where the binding cannot be rendered, as far as it says. */
  readonly selectors: readonly string[];
  /** Keys of the labels among them that the binding names and its pool does not. */
  readonly ownLabels: readonly string[];
  readonly spiffeId: string | undefined;
  readonly hint: string;
  readonly className: string | undefined;
  /** Why it must not have an output. */
  readonly refused: Pick<Refused, 'reason' | 'message'> | undefined;
  readonly ready: Condition | undefined;
  /** Undefined: nobody may look. */
  readonly output: OutputView | 'absent' | undefined;
}

interface OutputView {
  readonly output: Output;
  readonly isAsRendered: boolean;
}

/** The bindings of a namespace, sorted by name; `seesOutputs`: outputs could be read. */
export function toBindingViews(
  snapshot: Snapshot,
  settings: Settings,
  seesOutputs: boolean,
): readonly BindingView[] {
  const world = toWorld(snapshot, settings);
  const names = [...snapshot.bindings.keys()].toSorted();
  return names.flatMap((name) => {
    const binding = snapshot.bindings.get(name);
    return binding ? [toView(world, binding, seesOutputs)] : [];
  });
}

function toView(world: World, binding: Binding, seesOutputs: boolean): BindingView {
  const { namespace, name } = binding.metadata;
  const { outcome } = renderIdentity(binding, world.snapshot.sources, world.settings);
  const identity = outcome.kind === 'done' ? outcome.value : undefined;
  const refused =
    outcome.kind === 'refused'
      ? outcome
      : findCollision(world, findPeers(world, name, identity?.key), identity?.key);
  const held = world.outputsByOwner.get(name)?.[0];
  const isAsRendered = Boolean(held && identity && isSameContent(held.output, identity.output));
  return {
    namespace,
    name,
    mode: toEffectiveMode(binding.spec),
    selectors: identity?.selectors ?? guessSelectors(world, binding),
    ownLabels: Object.keys(splitPodLabels(binding, world.snapshot.sources).own),
    spiffeId: identity?.spiffeId,
    hint: toHint(namespace, name),
    className: world.settings.className,
    refused: refused && { reason: refused.reason, message: toMessage(world, binding, refused) },
    ready: findReady(binding.status),
    output: seesOutputs ? (held ? { output: held.output, isAsRendered } : 'absent') : undefined,
  };
}

// To find names that are like a wrong one takes up to two milliseconds, and a tenant may have ten thousand wrong ones.
const mostDescribed = 500;

function toMessage({ snapshot }: World, binding: Binding, refused: Refused): string {
  if (snapshot.bindings.size > mostDescribed) return refused.message;
  return describeRefusal(refused, binding, snapshot.sources);
}

/** What a binding that cannot be rendered says of its workloads: enough to tell whom it would have been for. */
function guessSelectors({ snapshot }: World, { metadata, spec }: Binding): readonly string[] {
  const { serviceAccountName, containerName, containerImage, podLabels } = spec;
  const pools = poolResources.flatMap(({ group }) => {
    const served = snapshot.sources.pools[group] ?? 'unserved';
    return served === 'unserved' ? [] : (served.get(spec.poolRef.name.trim()) ?? []);
  });
  const selector = pools[0]?.spec?.selector;
  const labels = isMap(selector) && isMap(selector['matchLabels']) ? selector['matchLabels'] : selector;
  const usable = Object.entries(isMap(labels) ? labels : {}).flatMap(([key, value]) =>
    typeof value === 'string' && value !== '' ? [[key, value] as const] : [],
  );
  // Where they contradict each other, the pool says of which pods it is.
  const all = { ...podLabels, ...Object.fromEntries(usable) };
  return renderWorkloadSelectors(metadata.namespace, all, {
    serviceAccountName,
    ...(containerName && { container: containerName }),
    ...(containerImage && { image: containerImage }),
  });
}
