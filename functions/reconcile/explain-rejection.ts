import type { Binding } from '../../shared/api/binding.ts';
import type { Output } from '../../shared/api/cluster-spiffe-id.ts';
import type { NewOutput } from '../../shared/api/new-output.ts';
import { type Refused, refused, refusedForNow } from '../../shared/api/outcome.ts';
import { isSameContent } from '../../shared/identity/content.ts';
import { ownerUidOf, parseOwner } from '../../shared/identity/ownership.ts';
import type { Cluster, Found, WriteResult } from '../../shared/kube/cluster.ts';

/**
 * What a rejection says about the content; undefined if it says nothing about it. If the name is taken, it reads the
 * object that has it. `unlabelled`: that is an output of this very binding, whose labels somebody has taken off.
 */
export async function explainRejection(
  answer: Exclude<WriteResult<Output>, { kind: 'written' }>,
  wanted: NewOutput,
  binding: Binding,
  cluster: Cluster,
): Promise<Refused | 'unlabelled' | undefined> {
  switch (answer.kind) {
    case 'stale':
      return undefined;
    case 'exists':
      return explainTakenName(await cluster.getOutput(wanted.metadata.name), binding);
    case 'rejected':
      return answer.forbidden
        ? refusedForNow('RenderFailure', 'OutputForbidden', answer.message)
        : refused('RenderFailure', 'OutputRefused', answer.message);
  }
}

function explainTakenName(other: Found<Output>, { metadata }: Binding): Refused | 'unlabelled' | undefined {
  if (other === 'absent' || other === 'unserved') return undefined;
  if (parseOwner(other, metadata.namespace) === metadata.name) return undefined;
  if (ownerUidOf(other) === metadata.uid) return 'unlabelled';
  return refused('RenderFailure', 'OutputNameTaken', nameTaken(other.metadata.name));
}

/** An admission policy or an old CRD may change our fields. Without this check kleym would write them again for ever. */
export function findAlteration(stored: Output, wanted: NewOutput): Refused | undefined {
  if (isSameContent(stored, wanted)) return undefined;
  const message = `ClusterSPIFFEID ${wanted.metadata.name} was stored with other content than was written: an admission policy changes it, or its CRD does not know all of its fields`;
  return refused('RenderFailure', 'OutputRefused', message);
}

function nameTaken(name: string): string {
  return `ClusterSPIFFEID ${name} exists and belongs to somebody else: delete it, or give the binding another name`;
}
