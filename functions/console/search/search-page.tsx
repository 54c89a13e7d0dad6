import { adviseOn } from '../../../shared/explain/why/advice.ts';
import { toNamespacePath, toSearchPath } from '../links.ts';
import { BindingTable } from '../page/binding-table.tsx';
import { Pages, StateMark } from '../page/parts.tsx';
import { type Frame, Shell } from '../page/shell.tsx';
import { toPage } from '../paging.ts';
import type { Line } from '../read-lines.ts';
import { states } from '../state.ts';
import type { Search } from './find-lines.ts';
import type { Source } from '../read-sources.ts';

interface Found {
  readonly lines: readonly Line[];
  readonly namespaces: readonly string[];
  readonly sources: readonly Source[];
  readonly isComplete: boolean;
}

interface SearchProps {
  readonly frame: Frame;
  readonly search: Search;
  readonly found: Found;
  readonly page: string | undefined;
}

const linesOfPage = 50;

/** What was found, the worst first. */
export function SearchPage({ frame, search, found, page: wanted }: SearchProps) {
  const { text, state, reason, namespace } = search;
  const page = toPage(found.lines, linesOfPage, wanted);
  const query = { q: text, state, reason, namespace };
  return (
    <Shell frame={frame} title="Search" query={text}>
      <h1>
        {page.total} {page.total === 1 ? 'binding' : 'bindings'}
        {text === '' ? '' : ` with “${text}”`}
      </h1>
      <Filters search={search} />
      {found.isComplete ? null : (
        <p class="notice warning">There are more bindings than this console reads.</p>
      )}
      {reason === undefined ? null : (
        <p>
          <b>{reason}</b>: {adviseOn(reason)}
        </p>
      )}
      {page.total === 0 ? null : <BindingTable label="Bindings" lines={page.items} withNamespace />}
      <Pages page={page} what="bindings" toPath={(number) => toSearchPath({ ...query, page: number })} />
      <Others found={found} />
    </Shell>
  );
}

/** Each filter is a link that takes it away, or puts it in. */
function Filters({ search: { text: q, state, reason, namespace } }: Pick<SearchProps, 'search'>) {
  return (
    <nav class="filters" aria-label="Filters">
      {states.map((one) => (
        <a
          href={toSearchPath({ q, reason, namespace, state: one === state ? undefined : one })}
          aria-current={one === state ? 'true' : undefined}
        >
          <StateMark state={one} />
        </a>
      ))}
      {reason === undefined ? null : (
        <a href={toSearchPath({ q, state, namespace })} aria-current="true">
          reason {reason} <span aria-label="take away">×</span>
        </a>
      )}
      {namespace === undefined ? null : (
        <a href={toSearchPath({ q, state, reason })} aria-current="true">
          namespace {namespace} <span aria-label="take away">×</span>
        </a>
      )}
    </nav>
  );
}

/** More of them are found by more words. */
const mostOthers = 30;

function Others({ found: { namespaces, sources } }: Pick<SearchProps, 'found'>) {
  return (
    <>
      {namespaces.length === 0 ? null : (
        <section aria-labelledby="namespaces">
          <h2 id="namespaces">Namespaces</h2>
          <ul class="plain">
            {namespaces.slice(0, mostOthers).map((namespace) => (
              <li>
                <a class="name" href={toNamespacePath(namespace)}>
                  {namespace}
                </a>
              </li>
            ))}
          </ul>
          <More hidden={namespaces.length - mostOthers} />
        </section>
      )}
      {sources.length === 0 ? null : (
        <section aria-labelledby="sources">
          <h2 id="sources">Pools and objectives</h2>
          <ul class="plain">
            {sources.slice(0, mostOthers).map(({ kind, namespace, name }) => (
              <li>
                {kind}{' '}
                <a
                  class="name"
                  href={toNamespacePath(namespace, kind === 'InferencePool' ? { pool: name } : {})}
                >
                  {namespace}/{name}
                </a>
              </li>
            ))}
          </ul>
          <More hidden={sources.length - mostOthers} />
        </section>
      )}
    </>
  );
}

function More({ hidden }: { readonly hidden: number }) {
  return hidden > 0 ? <p class="message">… and {hidden} more</p> : null;
}
