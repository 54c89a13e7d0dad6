import type { Snapshot } from '../../../shared/decide/world.ts';
import { type Permission, toPermissionWords } from '../../../shared/explain/kube/permissions.ts';
import { toNamespacePath } from '../links.ts';
import { BindingTable } from '../page/binding-table.tsx';
import { CountsTable } from '../page/counts-table.tsx';
import { Pages, StateMark, Wide } from '../page/parts.tsx';
import { type Frame, Shell } from '../page/shell.tsx';
import { type Page, toPage } from '../paging.ts';
import type { Line } from '../read-lines.ts';
import { states, toTotal } from '../state.ts';
import { type NamespaceView, type Selection, mostDrawn } from './namespace-view.ts';
import { PictureSvg } from './picture-svg.tsx';
import { toPicture } from './picture.ts';

interface NamespaceProps {
  readonly frame: Frame;
  readonly snapshot: Snapshot;
  readonly view: NamespaceView;
  readonly selection: Selection;
  readonly page: string | undefined;
  readonly lacks: readonly Permission[];
}

/** A namespace as a picture, and the same in words. */
export function NamespacePage({ frame, snapshot, view, selection, page: wanted, lacks }: NamespaceProps) {
  const { namespace, lines, groups } = view;
  const isGrouped = selection.pool === undefined && selection.state === undefined && lines.length > mostDrawn;
  const page = toPage(lines, mostDrawn, wanted);
  const toPath = (number: number) =>
    toNamespacePath(namespace, { pool: selection.pool, state: selection.state, page: number });
  return (
    <Shell frame={frame} title={`Namespace ${namespace}`}>
      <h1>
        Namespace <span class="name">{namespace}</span>
      </h1>
      <Selectors view={view} selection={selection} />
      {lacks.map((permission) => (
        <p class="notice warning">
          No permission to {toPermissionWords(permission)}: what it would show is missing here.
        </p>
      ))}
      {isGrouped ? (
        <Groups namespace={namespace} groups={groups} page={wanted} />
      ) : (
        <Drawn {...{ frame, snapshot, namespace, page, toPath }} />
      )}
      <Unused names={view.unused} />
    </Shell>
  );
}

/** What is looked at, and what else there is to look at. */
function Selectors({
  view: { namespace, counts },
  selection: { pool, state },
}: Pick<NamespaceProps, 'view' | 'selection'>) {
  return (
    <nav class="filters" aria-label="What is shown">
      <a
        href={toNamespacePath(namespace)}
        aria-current={pool === undefined && state === undefined ? 'true' : undefined}
      >
        all {toTotal(counts)}
      </a>
      {states
        .filter((one) => counts[one] > 0 || one === state)
        .map((one) => (
          <a
            href={toNamespacePath(namespace, { state: one })}
            aria-current={one === state ? 'true' : undefined}
          >
            <StateMark state={one}>{`${counts[one]} ${one}`}</StateMark>
          </a>
        ))}
      {pool === undefined ? null : (
        <a href={toNamespacePath(namespace, { pool })} aria-current="true">
          pool <span class="name">{pool}</span>
        </a>
      )}
    </nav>
  );
}

interface DrawnProps extends Pick<NamespaceProps, 'frame' | 'snapshot'> {
  readonly namespace: string;
  readonly page: Page<Line>;
  readonly toPath: (page: number) => string;
}

function Drawn({ frame, snapshot, namespace, page, toPath }: DrawnProps) {
  if (page.total === 0) return <p>There is no such InferenceIdentityBinding in this namespace.</p>;
  const names = page.items.map(({ name }) => name);
  const label = `Pools, objectives, bindings and identities of namespace ${namespace}`;
  return (
    <>
      <Wide label={`${label}, as a picture`}>
        <PictureSvg picture={toPicture(snapshot, names, frame.settings)} label={label} />
      </Wide>
      <Pages page={page} what="bindings" toPath={toPath} />
      <h2 id="words">In words</h2>
      <BindingTable label="The same bindings in words" lines={page.items} />
    </>
  );
}

interface GroupsProps extends Pick<NamespaceView, 'namespace' | 'groups'> {
  readonly page: string | undefined;
}

/** Too many bindings for one picture: a line for those of each pool, which opens. */
function Groups({ namespace, groups, page: wanted }: GroupsProps) {
  const page = toPage(groups, mostDrawn, wanted);
  return (
    <>
      <p>These are too many for one picture. Open a pool, or what needs somebody.</p>
      <CountsTable
        label="Bindings by pool"
        head="Pool"
        rows={page.items.map(({ pool, isThere, counts }) => ({
          name: (
            <>
              <a href={toNamespacePath(namespace, { pool })}>{pool}</a>
              {isThere ? null : <span class="refused"> not there</span>}
            </>
          ),
          counts,
        }))}
      />
      <Pages page={page} what="pools" toPath={(number) => toNamespacePath(namespace, { page: number })} />
    </>
  );
}

const mostUnused = 20;

function Unused({ names }: { readonly names: readonly string[] }) {
  if (names.length === 0) return null;
  const hidden = names.length - mostUnused;
  return (
    <p class="message">
      No binding names {names.length === 1 ? 'pool' : 'pools'}{' '}
      <span class="name">{names.slice(0, mostUnused).join(', ')}</span>
      {hidden > 0 ? ` and ${hidden} more` : ''}.
    </p>
  );
}
