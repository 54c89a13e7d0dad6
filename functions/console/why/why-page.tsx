import type { Explanation, Step } from '../../../shared/explain/why/explain-container.ts';
import type { ContainerReport, PodReport } from '../../../shared/explain/why/pod-report.ts';
import { toBindingPath } from '../links.ts';
import { type Frame, Shell } from '../page/shell.tsx';
import type { Fields } from './parse-question.ts';
import type { Answer } from './answer-question.ts';
import { WhyForm } from './why-form.tsx';

interface WhyProps {
  readonly frame: Frame;
  readonly fields: Fields;
  readonly answer: Answer;
}

/** What `kubectl kleym why pod` says, of a pod that is there or of one that is described. */
export function WhyPage({ frame, fields, answer }: WhyProps) {
  return (
    <Shell frame={frame} title="Why" place="/why">
      <h1>Which identities does a pod get, and why not others?</h1>
      <WhyForm fields={fields} />
      {answer.kind === 'problem' ? (
        <p class="notice error" role="alert">
          {answer.message}
        </p>
      ) : null}
      {answer.kind === 'report' ? <Report report={answer.report} /> : null}
    </Shell>
  );
}

function Report({
  report: { summary, containers, otherClusterSPIFFEIDs, notes },
}: {
  readonly report: PodReport;
}) {
  const matches = containers.some((one) => one.matches.length > 0);
  return (
    <section aria-labelledby="answer">
      <h2 id="answer">Answer</h2>
      <p class={`notice ${matches ? 'fine' : 'error'}`}>{summary}</p>
      {containers.map((container) => (
        <Container container={container} />
      ))}
      {otherClusterSPIFFEIDs.length === 0 ? null : (
        <>
          <h3>ClusterSPIFFEIDs of others that select this pod, too</h3>
          <ul class="plain">
            {otherClusterSPIFFEIDs.slice(0, mostOthers).map(({ name, spiffeIDTemplate, fallback }) => (
              <li>
                <span class="name">{name}</span>: <span class="name">{spiffeIDTemplate}</span>
                {fallback ? ' (fallback: only where no other makes an entry)' : ''}
              </li>
            ))}
          </ul>
        </>
      )}
      {notes.map((note) => (
        <p class="message">Note: {note}</p>
      ))}
      <p class="message">
        Bindings of other namespaces are not compared here; <code>kubectl kleym why pod</code> does that.
      </p>
    </section>
  );
}

const mostOthers = 20;
/** The nearest ones tell. */
const mostMisses = 5;
const mostMatches = 50;

function Container({
  container: { name, isInit, matches, misses },
}: {
  readonly container: ContainerReport;
}) {
  const hidden = misses.length - mostMisses;
  return (
    <>
      <h3>
        {isInit ? 'Init container' : 'Container'} <span class="name">{name}</span>
      </h3>
      {matches.length + misses.length === 0 ? <p>No binding is about it.</p> : null}
      <ul class="cards">
        {[...matches.slice(0, mostMatches), ...misses.slice(0, mostMisses)].map((one) => (
          <Card explanation={one} />
        ))}
      </ul>
      {hidden > 0 ? <p class="message">… and {hidden} bindings that are further away</p> : null}
    </>
  );
}

/** One binding, held against the container: what does not hold comes first. */
function Card({ explanation }: { readonly explanation: Explanation }) {
  const { binding, namespace, mode, spiffeID, steps } = explanation;
  const failing = steps.filter(({ holds }) => !holds);
  return (
    <li class={failing.length === 0 ? 'card ready' : 'card'}>
      <p>
        <a class="name" href={toBindingPath(namespace, binding)}>
          {binding}
        </a>{' '}
        <span class="message">{mode}</span>
      </p>
      {spiffeID === undefined ? null : <p class="name">{spiffeID}</p>}
      <ul class="plain">
        {[...failing, ...steps.filter(({ holds }) => holds)].map((step) => (
          <StepLine step={step} />
        ))}
      </ul>
    </li>
  );
}

function StepLine({ step: { holds, words, advice } }: { readonly step: Step }) {
  return (
    <li>
      <span class={holds ? 'ready' : 'refused'}>
        <span aria-hidden="true">{holds ? '✓' : '✕'}</span>
        <span class="spoken">{holds ? 'holds:' : 'does not hold:'}</span>
      </span>{' '}
      {words}
      {advice === undefined ? null : <div class="advice">→ {advice}</div>}
    </li>
  );
}
