import type { Binding, Peer } from '../../../shared/api/binding.ts';
import { isMap } from '../../../shared/api/bounded.ts';
import type { Snapshot } from '../../../shared/decide/world.ts';
import { type GraphNode, toIdentityGraph } from '../../../shared/explain/graph/identity-graph.ts';
import { compareText } from '../../../shared/identity/canonical.ts';
import type { Settings } from '../../../shared/identity/settings.ts';
import { toBindingPath, toNamespacePath, toSearchPath } from '../links.ts';

/** A box of a picture. */
export interface Box extends Pick<GraphNode, 'id' | 'kind' | 'label' | 'state' | 'note'> {
  readonly href?: string;
}

/** A line between two boxes, by their ids. */
export interface Line {
  readonly from: string;
  readonly to: string;
}

/** Two bindings that ask for the same workloads, or may. */
export interface Conflict extends Line {
  readonly reason: Peer['reason'];
}

/** What is drawn: a column for each kind of box, each in the order of its rows. */
export interface Picture {
  readonly columns: Readonly<Record<GraphNode['kind'], readonly Box[]>>;
  readonly lines: readonly Line[];
  readonly conflicts: readonly Conflict[];
}

/** Draws these bindings of a namespace, with all that they refer to and come to. */
export function toPicture(snapshot: Snapshot, names: readonly string[], settings: Settings): Picture {
  const { namespace } = snapshot;
  const shown = new Map(
    toRows(snapshot, names).flatMap((name) => {
      const binding = snapshot.bindings.get(name);
      return binding ? [[name, binding] as const] : [];
    }),
  );
  const graph = toIdentityGraph([{ ...snapshot, bindings: shown }], settings);
  const boxes = new Map(graph.nodes.map((node) => [node.id, toBox(node, namespace)]));
  const edges = graph.edges.filter(({ from, to }) => !isImplied(snapshot, from, to));
  const rows = [...shown.keys()].map((name) => `binding ${namespace}/${name}`);
  const holes = rows
    .filter((id) => !graph.edges.some(({ from }) => from === id))
    .map((id) => toHole(id, boxes.get(id)?.note ?? ''));
  const lines = [
    ...edges,
    ...toPoolLines(snapshot, shown.values()),
    ...holes.map(({ id }) => ({ from: id.replace('hole ', ''), to: id })),
  ];
  const identities = rows.flatMap((id) => [
    ...lines.flatMap(({ from, to }) => (from === id ? (boxes.get(to) ?? []) : [])),
    ...holes.filter((hole) => hole.id === `hole ${id}`),
  ]);
  const ofKind = (kind: GraphNode['kind']) => [...boxes.values()].filter((box) => box.kind === kind);
  return {
    columns: {
      pool: ofKind('pool'),
      objective: ofKind('objective'),
      binding: rows.flatMap((id) => boxes.get(id) ?? []),
      identity: [...new Set(identities)],
    },
    lines,
    conflicts: toConflicts(snapshot, shown.keys()),
  };
}

/** Bindings of one pool and objective are neighbours, so that lines seldom cross. */
function toRows({ bindings }: Snapshot, names: readonly string[]): string[] {
  const keyOf = (name: string) => {
    const spec = bindings.get(name)?.spec;
    return `${spec?.poolRef.name} ${spec?.objectiveRef?.name ?? ''} ${name}`;
  };
  return names.toSorted((a, b) => compareText(keyOf(a), keyOf(b)));
}

function toBox({ id, kind, label, state, note }: GraphNode, namespace: string): Box {
  const name = kind === 'identity' ? label : label.slice(namespace.length + 1);
  return { id, kind, label: name, state, note, href: toHref(kind, namespace, name) };
}

function toHref(kind: GraphNode['kind'], namespace: string, name: string): string {
  switch (kind) {
    case 'pool':
      return toNamespacePath(namespace, { pool: name });
    case 'binding':
      return toBindingPath(namespace, name);
    case 'objective':
    case 'identity':
      return toSearchPath({ namespace, q: name });
  }
}

/** Where an identity would be. */
function toHole(binding: string, note: string): Box {
  return { id: `hole ${binding}`, kind: 'identity', label: 'no identity', state: 'missing', note };
}

/** The line from a pool to a binding says nothing where one goes through the objective. */
function isImplied({ namespace, bindings, sources }: Snapshot, from: string, to: string): boolean {
  if (!from.startsWith('pool ')) return false;
  const spec = bindings.get(to.slice(`binding ${namespace}/`.length))?.spec;
  if (!spec?.objectiveRef) return false;
  return (poolOf(sources, spec.objectiveRef.name) ?? spec.poolRef.name) === spec.poolRef.name;
}

/** From pools to the objectives that point at them; one that is missing belongs where its bindings say. */
function toPoolLines({ namespace, sources }: Snapshot, bindings: Iterable<Binding>): Line[] {
  const lines = [...bindings].flatMap(({ spec: { poolRef, objectiveRef } }) => {
    if (!objectiveRef) return [];
    const pool = poolOf(sources, objectiveRef.name) ?? poolRef.name;
    return { from: `pool ${namespace}/${pool}`, to: `objective ${namespace}/${objectiveRef.name}` };
  });
  return [...new Map(lines.map((line) => [`${line.from} ${line.to}`, line])).values()];
}

/** The pool at which an objective points; an objective may say anything. */
function poolOf({ objectives }: Snapshot['sources'], name: string): string | undefined {
  for (const served of Object.values(objectives)) {
    const ref = served === 'unserved' ? undefined : served.get(name)?.spec?.poolRef;
    if (isMap(ref) && typeof ref['name'] === 'string') return ref['name'];
  }
  return undefined;
}

/** Both of two bindings may name the other: one line is enough. */
function toConflicts({ namespace, bindings }: Snapshot, names: Iterable<string>): Conflict[] {
  const shown = new Set(names);
  const conflicts = new Map<string, Conflict>();
  for (const name of shown)
    for (const peer of bindings.get(name)?.status?.conflicts ?? []) {
      if (!shown.has(peer.name)) continue;
      const [from = '', to = ''] = [name, peer.name]
        .toSorted(compareText)
        .map((one) => `binding ${namespace}/${one}`);
      conflicts.set(`${from} ${to} ${peer.reason}`, { from, to, reason: peer.reason });
    }
  return [...conflicts.values()];
}
