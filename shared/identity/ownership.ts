import type { Binding } from '../api/binding.ts';
import { type Output, outputAnnotations, outputLabels } from '../api/cluster-spiffe-id.ts';
import { toLabelValue } from './label-value.ts';
import { isDnsLabel, isDnsSubdomain } from './object-names.ts';
import { isPlainOutputName, outputNamePrefix } from './output-name.ts';

/** The value of the label by which all outputs are found. */
export const managedBy = 'kleym';

/** The hint of an output names its binding in full, where a label may be too short. */
export function toHint(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

/**
 * The name of the binding in this namespace whose output this is. Labels, name and hint must agree. Whatever else
 * carries our labels is somebody's own, unless the claim of a binding proves the contrary.
 */
export function parseOwner(output: Output, namespace: string): string | undefined {
  const hint = output.spec.hint ?? '';
  if (!output.metadata.name.startsWith(outputNamePrefix) || !hint.startsWith(`${namespace}/`))
    return undefined;

  const owner = hint.slice(namespace.length + 1);
  // Labels and hints can be anything, and what is no name would address another object than a binding, or none at all.
  if (!isDnsLabel(namespace) || !isDnsSubdomain(owner)) return undefined;
  return isLabelledFor(output, namespace, owner) ? owner : undefined;
}

function isLabelledFor({ metadata }: Output, namespace: string, owner: string): boolean {
  const { labels = {} } = metadata;
  return (
    labels[outputLabels.managedBy] === managedBy &&
    labels[outputLabels.bindingNamespace] === namespace &&
    labels[outputLabels.bindingName] === toLabelValue(owner)
  );
}

/** The uid of the binding that an output was made for; the Go operator writes none. */
export function ownerUidOf(output: Output): string | undefined {
  return output.metadata.annotations?.[outputAnnotations.bindingUid];
}

/** A claim, as far as it says which output is meant. */
export interface ClaimedOutput {
  readonly name: string;
  readonly nonce?: string | undefined;
  readonly uid?: string | undefined;
}

/**
 * Whether an output whose labels, hint or annotations somebody edited is the one that a binding claims. The claim must
 * name exactly this object, but whoever may write a status can make it name any: so the object must say the same by
 * what only its writer has put there: the uid of the binding or, where that was taken off, the hint under a name of
 * ours, or the labels under a name of this binding.
 */
export function isClaimedOutput(output: Output, claim: ClaimedOutput, { metadata }: Binding): boolean {
  const { name, uid, annotations = {} } = output.metadata;
  if (name !== claim.name) return false;
  const owner = annotations[outputAnnotations.bindingUid];
  if (owner !== undefined) return owner === metadata.uid;
  // Before the uid is recorded, the nonce of the POST is what nobody else can know.
  const isMeant =
    claim.nonce === undefined ? claim.uid === uid : annotations[outputAnnotations.claim] === claim.nonce;
  if (!isMeant || !name.startsWith(outputNamePrefix)) return false;
  if (output.spec.hint === toHint(metadata.namespace, metadata.name)) return true;
  return isPlainOutputName(name, metadata) && isLabelledFor(output, metadata.namespace, metadata.name);
}
