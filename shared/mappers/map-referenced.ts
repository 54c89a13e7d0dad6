import type { Binding, BindingField, Observed, Reference } from '../api/binding.ts';
import type { Resource } from '../api/object-meta.ts';
import { createBatches } from '../concurrency/batches.ts';
import type { Cluster } from '../kube/cluster.ts';
import { type Answer, nothing } from '../events/answers.ts';
import { answerBindingsAffected } from '../events/bindings-affected.ts';
import { type Change, isLeaving, parseChange } from '../events/change.ts';
import { type Cause, toCause } from '../events/correlation.ts';
import type { Handler } from '../events/function-app.ts';
import { isInConflict, recordedPeers } from './recorded-peers.ts';

/** A kind of object that bindings name. */
export interface ReferencedKind {
  readonly from: string;
  readonly resources: readonly Resource[];
  /** The field by which the bindings of an object are listed. */
  readonly field: BindingField;
  readonly toReference: (binding: Binding) => Reference | undefined;
  /** The state of the object from which the binding's status was decided. */
  readonly toObserved: (binding: Binding) => Observed | undefined;
}

/**
 * Names the bindings that refer to the object of an event and were not decided from this state of it. Events of one
 * object come in bursts, and its bindings may be thousands. So events that arrive during a list share the next one.
 */
export function mapReferenced(cluster: Cluster, kind: ReferencedKind): Handler {
  const lists = createBatches((place) => {
    const [namespace = '', value = ''] = place.split('/');
    return cluster.listBindings({ namespace, field: { path: kind.field, value } });
  });

  async function answerTo(cause: Cause, change: Change): Promise<Answer> {
    const { namespace, name, resource } = change;
    const listed = await lists.ask(`${namespace}/${name}`, []);
    if (listed === 'unserved') return nothing({ bindings: 0 });

    const referring = listed.items.filter((binding) => refersTo(kind.toReference(binding), resource, name));
    const unsettled = referring.filter(
      (binding) => !isDecidedFrom(binding, kind.toObserved(binding), change),
    );
    // Peers were refused because of a binding that may leave the conflict now; no event of their own will come.
    const names = unsettled.flatMap(({ metadata, status }) => [
      metadata.name,
      ...(isInConflict(status) ? recordedPeers(status) : []),
    ]);
    const bindings = [{ namespace, names }];
    const dropped = referring.length - unsettled.length;
    return answerBindingsAffected({ from: kind.from, cause, bindings }, { dropped });
  }

  return (event, context) => {
    const parsed = parseChange(event, { resources: kind.resources, scope: 'namespaced' });
    if (parsed.kind !== 'done') return Promise.resolve(parsed);
    // The list may take long, and other events must not wait for room meanwhile.
    context.release?.();
    return answerTo(toCause(event), withoutUnread(parsed.value));
  };
}

/** The change without the parts of the object that nobody reads. */
function withoutUnread({ object, ...change }: Change): Change {
  if (!object) return change;
  const { name, uid, resourceVersion, generation, deletionTimestamp } = object.metadata;
  return { ...change, object: { metadata: { name, uid, resourceVersion, generation, deletionTimestamp } } };
}

function refersTo(reference: Reference | undefined, resource: Resource, name: string): boolean {
  if (reference?.name.trim() !== name) return false;
  const group = reference.group?.trim();
  return !group || group === resource.group;
}

/** Whether the status was decided from this state. In doubt it was not. */
function isDecidedFrom(
  { metadata, status }: Binding,
  observed: Observed | undefined,
  change: Change,
): boolean {
  const { verb, resource, object } = change;
  if (!object || !observed || isLeaving(verb, object.metadata)) return false;
  if (status?.observedGeneration === undefined || status.observedGeneration !== metadata.generation)
    return false;
  return (
    observed.group === resource.group &&
    observed.uid === object.metadata.uid &&
    observed.generation === object.metadata.generation
  );
}
