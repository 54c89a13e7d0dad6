import type { Explained } from '../../decide/decide.ts';
import type { Decision } from '../../decide/decision.ts';
import { findReady } from '../../api/conditions.ts';

/**
 * What reconcile would do next for a binding, and by which row of docs/protocol.md. Where it waits for another binding,
 * `holder` says until when.
 */
export function toNextStep({ row, decision }: Explained, holder: string | undefined): string {
  const isWaiting =
    decision.kind === 'waiting' || (decision.kind === 'write-status' && decision.waiting !== undefined);
  const until = isWaiting && holder !== undefined ? `; ${holder}` : '';
  return `${toStep(decision)} (row ${row})${until}`;
}

function toStep(decision: Decision): string {
  switch (decision.kind) {
    case 'converged':
      return 'nothing: the binding is at rest';
    case 'waiting':
      return `wait: ${decision.message}`;
    case 'delete-output':
      return `delete ClusterSPIFFEID ${decision.output.metadata.name}`;
    case 'create-output':
      return `create ClusterSPIFFEID ${decision.output.metadata.name}`;
    case 'replace-output':
      return `write ClusterSPIFFEID ${decision.output.metadata.name} anew`;
    case 'fence-output':
      return `mark ClusterSPIFFEID ${decision.output.metadata.name}, so that a write on its way cannot land`;
    case 'patch-finalizers':
      return 'write the finalizers of the binding';
    case 'dry-run':
      return `ask the API server whether it takes ClusterSPIFFEID ${decision.output.metadata.name} by now`;
    case 'write-status':
      return toStatusStep(decision);
  }
}

function toStatusStep({ status, waiting }: Extract<Decision, { kind: 'write-status' }>): string {
  const { claim } = status;
  if (waiting) return `say in the status that it waits: ${waiting.message}`;
  if (claim?.kind === 'creating') return `announce that ClusterSPIFFEID ${claim.name} will be created`;
  if (claim?.kind === 'replacing')
    return `announce that ClusterSPIFFEID ${claim.name} will change its workloads`;
  const ready = findReady(status);
  return `say in the status: Ready=${ready?.status} ${ready?.reason}`;
}
