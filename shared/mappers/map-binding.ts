import { z } from 'zod';
import { bindingFinalizer, bindingResource } from '../api/binding.ts';
import { toBeginning } from '../api/bounded.ts';
import { nothing } from '../events/answers.ts';
import { answerBindingsAffected } from '../events/bindings-affected.ts';
import { type Change, type ChangedObject, isLeaving, parseChange } from '../events/change.ts';
import type { Handler } from '../events/function-app.ts';
import { isInConflict, recordedPeers } from './recorded-peers.ts';

/**
 * Names the binding of an event, and its recorded peers if it leaves a conflict. It makes no call: the event says
 * enough.
 */
export function mapBinding(): Handler {
  return async (event) => {
    const change = parseChange(event, { resources: [bindingResource], scope: 'namespaced' });
    if (change.kind !== 'done') return change;

    const { verb, namespace, name, object } = change.value;
    const status = toStatus(object);
    const leaving = isLeaving(verb, object?.metadata);
    if (!leaving && object && (isUpToDate(object, status) || isOwnFinalizerWrite(verb, object, event.time)))
      return nothing({ bindings: 0 });

    // The peers were refused because of this binding, and no event of their own will come.
    const peers = leaving || isInConflict(status) ? recordedPeers(status) : [];
    const hasOwnReason = !leaving && object !== undefined && isNew(verb, object);
    const bindings = [{ namespace, names: [name, ...peers], ...(hasOwnReason && { hasOwnReason }) }];
    return answerBindingsAffected({ from: 'map-binding', cause: event, bindings });
  };
}

/** reconcile records far fewer, but an event has room for 100,000. The sweep finds the others. */
const mostPeers = 1000;

const StatusInEvent = z.object({
  observedGeneration: z.number().optional(),
  conditions: z
    .array(z.object({ type: z.string(), status: z.string() }))
    .optional()
    .catch(undefined),
  conflicts: z.preprocess(
    (list) => toBeginning(list, mostPeers),
    z.array(z.object({ name: z.string() })).optional(),
  ),
});
type StatusInEvent = z.infer<typeof StatusInEvent>;

/** A status that cannot be read proves nothing, so it counts as none. */
function toStatus(object: ChangedObject | undefined): StatusInEvent {
  const parsed = StatusInEvent.safeParse(object?.['status']);
  return parsed.success ? parsed.data : {};
}

function isUpToDate(object: ChangedObject, { observedGeneration }: StatusInEvent): boolean {
  const { generation } = object.metadata;
  return isHeld(object) && generation !== undefined && observedGeneration === generation;
}

/**
 * Whether nobody has evaluated it: no run has written for it, or one has added our finalizer at last, to a binding that
 * had waited for its turn very long. Such a binding concerns nobody else, unless it collides: then it will say so.
 */
function isNew(verb: Change['verb'], object: ChangedObject): boolean {
  if (verb !== 'add') return isFinalizerWrite(verb, object);
  return object['status'] === undefined && !isHeld(object);
}

// A binding may wait so long for its turn among thousands of new ones. Later such an event rather tells that somebody took
// its status off.
const mostWaitingMs = 600_000;

/**
 * Whether the event only tells that a run has added our finalizer to a new binding. That run writes the status next, or
 * dies, and then the event that it was asked by comes again, or that of the new binding, which nobody has answered yet.
 */
function isOwnFinalizerWrite(verb: Change['verb'], object: ChangedObject, time?: string): boolean {
  const created = String(object.metadata['creationTimestamp']);
  return isFinalizerWrite(verb, object) && Date.parse(time ?? '') - Date.parse(created) < mostWaitingMs;
}

/** Whether nothing was written for it yet but our finalizer. */
function isFinalizerWrite(verb: Change['verb'], object: ChangedObject): boolean {
  return (
    verb === 'update' && object.metadata.generation === 1 && object['status'] === undefined && isHeld(object)
  );
}

function isHeld({ metadata }: ChangedObject): boolean {
  return metadata.finalizers?.includes(bindingFinalizer) ?? false;
}
