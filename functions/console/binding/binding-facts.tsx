import type { InspectionReport } from '../../../shared/explain/inspect/inspection-report.ts';
import { describeStatistics } from '../../../shared/explain/spire/statistics.ts';
import { toNamespacePath } from '../links.ts';

interface FactsProps {
  readonly report: InspectionReport;
}

const foundWords = { yes: 'found', no: 'not there', 'not served': 'not served' } as const;

/** What the binding refers to, and where that was looked for. */
export function SourceFacts({ report: { bindingRef, resolvedInput } }: FactsProps) {
  const { namespace, mode, poolRef, objectiveRef } = bindingRef;
  const { serviceAccountName, containerName, containerImage, podLabels = {}, groups = [] } = resolvedInput;
  const labels = Object.entries(podLabels).map(([key, value]) => `${key}=${value}`);
  return (
    <section aria-labelledby="asks">
      <h2 id="asks">What it asks for</h2>
      <dl class="facts">
        <Fact name="Mode">{mode}</Fact>
        <dt>InferencePool</dt>
        <dd class="name">
          <a href={toNamespacePath(namespace, { pool: poolRef?.name })}>{poolRef?.name}</a>
        </dd>
        <Fact name="InferenceObjective">{objectiveRef?.name}</Fact>
        <Fact name="Service account">{serviceAccountName}</Fact>
        <Fact name="Container">{containerName}</Fact>
        <Fact name="Image">{containerImage}</Fact>
        <Fact name="Pod labels">{labels.join(', ')}</Fact>
        {groups.map(({ kind, group, found }) => (
          <>
            <dt class="message">
              {kind} in {group}
            </dt>
            <dd class={found === 'yes' ? 'ready' : 'message'}>{foundWords[found]}</dd>
          </>
        ))}
      </dl>
    </section>
  );
}

/** One thing that is said; nothing where it was not. */
function Fact({ name, children }: { readonly name: string; readonly children: string | undefined }) {
  if (children === undefined || children === '') return null;
  return (
    <>
      <dt>{name}</dt>
      <dd class="name">{children}</dd>
    </>
  );
}

/** What is rendered of it. */
export function IdentityFacts({ report: { renderedIdentity } }: FactsProps) {
  const { spiffeID, workloadSelectors = [] } = renderedIdentity;
  return (
    <section aria-labelledby="identity">
      <h2 id="identity">Rendered identity</h2>
      {spiffeID === undefined ? (
        <p>Not rendered.</p>
      ) : (
        <dl class="facts">
          <dt>SPIFFE ID</dt>
          <dd class="name">{spiffeID}</dd>
          <dt>Selectors</dt>
          <dd>
            <ul class="plain name">
              {workloadSelectors.map((selector) => (
                <li>{selector}</li>
              ))}
            </ul>
          </dd>
        </dl>
      )}
    </section>
  );
}

/** What there is of it in the cluster, and what SPIRE Controller Manager counts. */
export function OutputFacts({ report: { renderedClusterSPIFFEID, outputs } }: FactsProps) {
  const { name, className, hint } = renderedClusterSPIFFEID;
  return (
    <section aria-labelledby="output">
      <h2 id="output">ClusterSPIFFEID</h2>
      <dl class="facts">
        {name === undefined ? null : (
          <>
            <dt>Name</dt>
            <dd class="name">{name}</dd>
            <dt>Class</dt>
            <dd>{className ?? 'none'}</dd>
            <dt>Hint</dt>
            <dd class="name">{hint}</dd>
          </>
        )}
        <dt>In the cluster</dt>
        <dd>
          {outputs === undefined ? 'not readable' : outputs.length === 0 ? 'none' : null}
          {outputs?.map((output) => (
            <div>
              <span class="name">{output.name}</span>, {output.state}
              {describeStatistics(output.statistics).map((line) => (
                <div class="message">{line}</div>
              ))}
            </div>
          ))}
        </dd>
      </dl>
    </section>
  );
}
