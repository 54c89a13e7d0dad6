import { type Binding } from '../../api/binding.ts';
import { findReady } from '../../api/conditions.ts';
import { compareText } from '../../identity/canonical.ts';

/** A binding in a line. */
export interface BindingLine {
  readonly namespace: string;
  readonly name: string;
  readonly result: 'OK' | 'WARNING' | 'ERROR';
  readonly mode: string;
  readonly pool: string;
  readonly objective?: string;
  readonly ready: string;
  readonly reason: string;
  readonly message: string;
  readonly spiffeID?: string;
  readonly trustDomain?: string;
  readonly className?: string;
}

/** Says of a binding what its status says. */
export function toBindingLine({ metadata, spec, status }: Binding): BindingLine {
  const ready = findReady(status);
  const spiffeID = status?.computedSpiffeIDs?.[0]?.spiffeID;
  const className = status?.clusterSPIFFEIDClassName;
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    result: toBindingResult(ready?.status),
    mode: spec.mode ?? 'PerObjective',
    pool: spec.poolRef.name,
    ...(spec.objectiveRef && { objective: spec.objectiveRef.name }),
    ready: ready?.status ?? '',
    reason: ready?.reason ?? '',
    message: ready?.message ?? 'no function has looked at this binding yet',
    ...(spiffeID !== undefined && { spiffeID }),
    ...(status?.trustDomain !== undefined && { trustDomain: status.trustDomain }),
    ...(className !== undefined && { className }),
  };
}

function toBindingResult(ready: string | undefined): BindingLine['result'] {
  switch (ready) {
    case 'True':
      return 'OK';
    case 'False':
      return 'ERROR';
    default:
      return 'WARNING';
  }
}

const troubleFirst = ['ERROR', 'WARNING', 'OK'] as const;

/** Failures first, then what is not settled. */
export function byTrouble(a: BindingLine, b: BindingLine): number {
  const order = troubleFirst.indexOf(a.result) - troubleFirst.indexOf(b.result);
  return (
    order ||
    compareText(a.reason, b.reason) ||
    compareText(a.namespace, b.namespace) ||
    compareText(a.name, b.name)
  );
}
