import {
  Output,
  outputAnnotations,
  outputLabels,
  outputResource,
} from '../../shared/api/cluster-spiffe-id.ts';
import { type Done, done } from '../../shared/api/outcome.ts';
import { type RefusedEvent, nothing } from '../../shared/events/answers.ts';
import { type BindingNames, answerBindingsAffected } from '../../shared/events/bindings-affected.ts';
import { type Change, isLeaving, parseChange, toRefusedObject } from '../../shared/events/change.ts';
import type { Handler } from '../../shared/events/function-app.ts';
import { isAsWritten } from '../../shared/identity/content.ts';
import { toLabelValue } from '../../shared/identity/label-value.ts';
import { toArrival } from '../../shared/collect/late-output.ts';
import { isDnsLabel, isDnsSubdomain } from '../../shared/identity/object-names.ts';
import { outputNamePrefix } from '../../shared/identity/output-name.ts';
import { managedBy, ownerUidOf, parseOwner } from '../../shared/identity/ownership.ts';
import type { Cluster, Found } from '../../shared/kube/cluster.ts';

/** Names the binding of an output, unless the output says what kleym wrote and its binding knows of it. */
export function mapOutput(cluster: Cluster): Handler {
  return async (event) => {
    const change = parseChange(event, { resources: [outputResource], scope: 'cluster' });
    if (change.kind !== 'done') return change;
    const output = await readOutput(change.value, cluster);
    if (output.kind !== 'done') return output;

    const found = output.value;
    // The event names an output that is gone, so there are no labels to find its binding by. The sweep finds it.
    if (found === 'absent' || found === 'unserved' || !isOurs(found)) return nothing({ bindings: 0 });
    if (await isNoNews(change.value.verb, found, cluster)) return nothing({ bindings: 0, dropped: 1 });
    return answerBindingsAffected({ from: 'map-output', cause: event, bindings: toOwners(found) });
  };
}

/**
 * Whether an output says what kleym wrote, as it does after each status write of SPIRE. That is not enough for an
 * output that has just appeared: the POST of a dead run may land after its binding is gone, and then only this event
 * leads to the identity before the next sweep. So an output that came late costs a GET of its binding. An output that
 * came early needs none: its run still waits for the answer to its POST, or has died, and then the event of its binding
 * comes again.
 */
async function isNoNews(verb: Change['verb'], output: Output, cluster: Cluster): Promise<boolean> {
  if (isLeaving(verb, output.metadata) || !isAsWritten(output)) return false;
  return verb !== 'add' || toArrival(output) === 'prompt' || (await isConfirmed(output, cluster));
}

/** Whether the binding's status owns this very output. A claim that only announces it may be that of a run that died. */
async function isConfirmed(output: Output, cluster: Cluster): Promise<boolean> {
  const { uid, labels } = output.metadata;
  const namespace = labels?.[outputLabels.bindingNamespace] ?? '';
  const owner = parseOwner(output, namespace);
  if (owner === undefined) return false;
  const binding = await cluster.getBinding(namespace, owner);
  if (binding === 'absent' || binding === 'unserved' || binding.metadata.uid !== ownerUidOf(output))
    return false;
  const claim = binding.status?.claim;
  return claim?.kind === 'owning' && claim.uid === uid;
}

async function readOutput(
  { object, name }: Change,
  cluster: Cluster,
): Promise<Done<Found<Output>> | RefusedEvent> {
  if (!object) return done(await cluster.getOutput(name));
  const output = Output.safeParse(object);
  return output.success ? done(output.data) : toRefusedObject(output.error);
}

function isOurs({ metadata }: Output): boolean {
  return (
    metadata.labels?.[outputLabels.managedBy] === managedBy || metadata.name.startsWith(outputNamePrefix)
  );
}

/**
 * The bindings that labels, annotation and hint name as the owner. Any of them may be damaged, and from here nobody can
 * tell which, so all that differ are named. A look at one binding too many does no harm.
 */
function toOwners({ metadata, spec }: Output): BindingNames[] {
  const hint = toHinted(spec.hint);
  const namespace = metadata.labels?.[outputLabels.bindingNamespace] ?? hint?.namespace;
  const full = metadata.annotations?.[outputAnnotations.bindingName];
  const label = metadata.labels?.[outputLabels.bindingName];
  const isShortened = [full, hint?.name].some(
    (name) => name !== undefined && name !== label && toLabelValue(name) === label,
  );
  const owners = [
    { namespace, name: full },
    { namespace, name: isShortened ? undefined : label },
    { namespace: hint?.namespace, name: hint?.name },
  ];
  return owners.flatMap(({ namespace = '', name = '' }) =>
    isDnsLabel(namespace) && isDnsSubdomain(name) ? [{ namespace, names: [name] }] : [],
  );
}

function toHinted(hint = ''): { readonly namespace: string; readonly name: string } | undefined {
  const [namespace, name, ...rest] = hint.split('/');
  return namespace && name && rest.length === 0 ? { namespace, name } : undefined;
}
