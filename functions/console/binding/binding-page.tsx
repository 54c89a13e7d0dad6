import type { InspectionReport } from '../../../shared/explain/inspect/inspection-report.ts';
import { adviseOn } from '../../../shared/explain/why/advice.ts';
import { toBindingPath, toNamespacePath } from '../links.ts';
import { StateMark } from '../page/parts.tsx';
import { type Frame, Shell } from '../page/shell.tsx';
import type { State } from '../state.ts';
import { Conditions, Events, MatchedPods, Peers } from './binding-lists.tsx';
import { IdentityFacts, OutputFacts, SourceFacts } from './binding-facts.tsx';

interface BindingProps {
  readonly frame: Frame;
  readonly report: InspectionReport;
}

/** What `kubectl kleym inspect binding` says, from the same report: first what is wrong, and what to do. */
export function BindingPage({ frame, report }: BindingProps) {
  const { namespace, name, conditions = [] } = report.bindingRef;
  const ready = conditions.find(({ type }) => type === 'Ready');
  return (
    <Shell frame={frame} title={`Binding ${namespace}/${name}`}>
      <p class="crumbs">
        <a href={toNamespacePath(namespace)}>Namespace {namespace}</a>
      </p>
      <h1>
        Binding <span class="name">{name}</span> <StateMark state={toState(ready?.status)} />
      </h1>
      <Verdict report={report} />
      <section aria-labelledby="conditions">
        <h2 id="conditions">Conditions</h2>
        <Conditions conditions={conditions} />
      </section>
      <SourceFacts report={report} />
      <IdentityFacts report={report} />
      <OutputFacts report={report} />
      <section aria-labelledby="protocol">
        <h2 id="protocol">What happens next</h2>
        <dl class="facts">
          <dt>Claim</dt>
          <dd>{report.claim ?? 'not readable'}</dd>
          <dt>Next step of reconcile</dt>
          <dd>{report.nextStep ?? 'not known: something could not be read'}</dd>
        </dl>
      </section>
      <Peers namespace={namespace} peers={report.peers} />
      <MatchedPods report={report} />
      <Events events={report.events} />
    </Shell>
  );
}

function toState(ready: string | undefined): State {
  if (ready === 'True') return 'ready';
  return ready === 'False' ? 'refused' : 'waiting';
}

/** What was found, the worst first, each with what helps. */
function Verdict({ report: { findings, bindingRef } }: Pick<BindingProps, 'report'>) {
  const { namespace, name, conditions = [] } = bindingRef;
  if (conditions.length === 0)
    return <p class="notice warning">No function has looked at this binding yet.</p>;
  return (
    <>
      {findings.map(({ severity, reason, message, affectedRefs }) => (
        <div class={`notice ${severity}`}>
          <p>
            <b>{reason}</b> {message}
          </p>
          {severity === 'error' ? <p class="advice">→ {adviseOn(reason)}</p> : null}
          {affectedRefs
            .filter(
              (ref) => ref.kind === 'InferenceIdentityBinding' && ref.name !== name && ref.name !== undefined,
            )
            .map((ref) => (
              <a href={toBindingPath(ref.namespace ?? namespace, ref.name ?? '')}>{ref.name}</a>
            ))}
        </div>
      ))}
    </>
  );
}
