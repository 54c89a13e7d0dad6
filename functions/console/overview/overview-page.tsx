import { adviseOn } from '../../../shared/explain/why/advice.ts';
import { toNamespacePath, toPath, toSearchPath } from '../links.ts';
import { BindingTable } from '../page/binding-table.tsx';
import { CountsTable } from '../page/counts-table.tsx';
import { Pages, StateMark } from '../page/parts.tsx';
import { type Frame, Shell } from '../page/shell.tsx';
import { toPage } from '../paging.ts';
import { states, toTotal } from '../state.ts';
import { Installation } from './installation.tsx';
import type { NamespaceCounts, Overview } from './overview.ts';

const namespacesOfPage = 50;

interface OverviewProps {
  readonly frame: Frame;
  readonly overview: Overview;
  readonly page: string | undefined;
}

/** How everything is: what needs somebody first. */
export function OverviewPage({ frame, overview, page }: OverviewProps) {
  const { counts, worst, hidden, isComplete } = overview;
  const total = toTotal(counts);
  return (
    <Shell frame={frame} title="Overview" place="/">
      <h1>Overview</h1>
      {isComplete ? null : (
        <p class="notice">
          There are more bindings than this console reads: {total} of them are counted here.
        </p>
      )}
      <ul class="tiles">
        {states.map((state) => (
          <li class={`tile ${counts[state] > 0 ? state : 'none'}`}>
            <a href={toSearchPath({ state })}>
              <b>{counts[state]}</b> <StateMark state={state} />
            </a>
          </li>
        ))}
        <li class="tile none">
          <a href={toSearchPath({})}>
            <b>{total}</b> {total === 1 ? 'binding' : 'bindings'} in all
          </a>
        </li>
      </ul>
      {total === 0 ? <Nothing /> : null}
      {worst.length === 0 ? null : (
        <section aria-labelledby="worst">
          <h2 id="worst">What needs somebody</h2>
          <Reasons reasons={overview.reasons} />
          <BindingTable label="Bindings that need somebody" lines={worst} withNamespace />
          {hidden === 0 ? null : (
            <p>
              {hidden} more: <a href={toSearchPath({ state: 'refused' })}>all refused</a>,{' '}
              <a href={toSearchPath({ state: 'waiting' })}>all waiting</a>
            </p>
          )}
        </section>
      )}
      {total === 0 ? null : <Namespaces namespaces={overview.namespaces} page={page} />}
      <Installation overview={overview} settings={frame.settings} />
    </Shell>
  );
}

function Nothing() {
  return (
    <p>There is no InferenceIdentityBinding yet. A binding gives the pods of an InferencePool a SPIFFE ID.</p>
  );
}

function Reasons({ reasons }: Pick<Overview, 'reasons'>) {
  return (
    <ul class="reasons">
      {reasons.map(({ reason, count }) => (
        <li>
          <a href={toSearchPath({ reason })}>{reason}</a> <b>{count}</b>
          <span class="message"> {adviseOn(reason)}</span>
        </li>
      ))}
    </ul>
  );
}

function Namespaces({
  namespaces,
  page: wanted,
}: {
  readonly namespaces: readonly NamespaceCounts[];
  readonly page: string | undefined;
}) {
  const page = toPage(namespaces, namespacesOfPage, wanted);
  return (
    <section aria-labelledby="namespaces">
      <h2 id="namespaces">Namespaces</h2>
      <CountsTable
        label="Namespaces"
        head="Namespace"
        rows={page.items.map(({ namespace, counts }) => ({
          name: <a href={toNamespacePath(namespace)}>{namespace}</a>,
          counts,
        }))}
      />
      <Pages page={page} what="namespaces" toPath={(number) => toPath([''], { page: number })} />
    </section>
  );
}
