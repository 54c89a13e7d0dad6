import type { Binding, BindingField, Observed, Reference } from '../api/binding.ts';
import type { Resource } from '../api/object-meta.ts';
import { createBatches } from '../concurrency/batches.ts';
import type { Cluster } from '../kube/cluster.ts';
import { nothing } from '../events/answers.ts';
import { answerBindingsAffected } from '../events/bindings-affected.ts';
import { type Change, isLeaving, parseChange } from '../events/change.ts';
import type { Handler } from '../events/function-app.ts';
import { isInConflict, recordedPeers } from './recorded-peers.ts';

/** A kind of object that bindings name. */
export interface ReferencedKind {
  readonly from: string;
  readonly resources: readonly Resource[];
  /** By it the bindings are listed that name an object. */
  readonly field: BindingField;
  readonly toReference: (binding: Binding) => Reference | undefined;
  /** Which state of the object the binding's status was decided from. */
  readonly toObserved: (binding: Binding) => Observed | undefined;
}

/**
 * Names the bindings that refer to the object of an event and have not yet been decided from this state of it. Events of
 * one object come in bursts (whoever writes a pool's status writes it often), and its bindings may be thousands: those
 * that arrive while they are listed share the next list.
 */
export function mapReferenced(cluster: Cluster, kind: ReferencedKind): Handler {
  const lists = createBatches((place) => {
    const [namespace = '', value = ''] = place.split('/');
    return cluster.listBindings({ namespace, field: { path: kind.field, value } });
  });
  return async (event, context) => {
    const parsed = parseChange(event, { resources: kind.resources, scope: 'namespaced' });
    if (parsed.kind !== 'done') return parsed;

    const change = withoutUnread(parsed.value);
    const { namespace, name, resource } = change;
    // Beside a list that takes long, the events of others would wait for room.
    context.release?.();
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
    return answerBindingsAffected({ from: kind.from, cause: event, bindings }, { dropped });
  };
}

/** Without all of the object that nobody asks for. */
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

/** Status-only updates are news to nobody. Whatever is not known for certain is. */
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
