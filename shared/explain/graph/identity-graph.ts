import { findReady } from '../../api/conditions.ts';
import type { Snapshot } from '../../decide/world.ts';
import { compareText } from '../../identity/canonical.ts';
import { renderIdentity } from '../../identity/render-identity.ts';
import type { Settings } from '../../identity/settings.ts';

/** What stands in a picture of identities. */
export interface GraphNode {
  /** `kind namespace/name`: no two nodes have the same. */
  readonly id: string;
  readonly kind: 'pool' | 'objective' | 'binding' | 'identity';
  readonly label: string;
  readonly state: 'ready' | 'failed' | 'pending' | 'missing' | 'plain';
  /** Why it is not ready. */
  readonly note: string;
}

export interface GraphEdge {
  readonly from: string;
  readonly to: string;
}

/** Pools and objectives, the bindings that name them, and the identities that come of these; sorted. */
export interface IdentityGraph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

/** Draws namespaces together. */
export function toIdentityGraph(snapshots: readonly Snapshot[], settings: Settings): IdentityGraph {
  const nodes = new Map<string, GraphNode>();
  const edges = new Map<string, GraphEdge>();
  for (const snapshot of snapshots) drawNamespace(snapshot, settings, { nodes, edges });
  return {
    nodes: [...nodes.values()].toSorted((a, b) => compareText(a.id, b.id)),
    edges: [...edges.values()].toSorted((a, b) => compareText(a.from, b.from) || compareText(a.to, b.to)),
  };
}

interface Canvas {
  readonly nodes: Map<string, GraphNode>;
  readonly edges: Map<string, GraphEdge>;
}

function drawNamespace(snapshot: Snapshot, settings: Settings, { nodes, edges }: Canvas): void {
  const { namespace, sources } = snapshot;
  const add = (node: GraphNode) => void nodes.set(node.id, node);
  const connect = (from: string, to: string) => void edges.set(`${from} ${to}`, { from, to });
  for (const [name, binding] of snapshot.bindings) {
    const { poolRef, objectiveRef } = binding.spec;
    const ready = findReady(binding.status);
    const id = `binding ${namespace}/${name}`;
    const note = ready?.status === 'True' ? '' : (ready?.reason ?? 'not evaluated');
    add({ id, kind: 'binding', label: `${namespace}/${name}`, state: toState(ready?.status), note });
    const pool = `pool ${namespace}/${poolRef.name}`;
    add(toReferred(pool, 'pool', isThere(sources.pools, poolRef.name)));
    connect(pool, id);
    if (objectiveRef) {
      const objective = `objective ${namespace}/${objectiveRef.name}`;
      add(toReferred(objective, 'objective', isThere(sources.objectives, objectiveRef.name)));
      connect(objective, id);
    }
    const { outcome } = renderIdentity(binding, sources, settings);
    if (ready?.status !== 'True' || outcome.kind === 'refused') continue;
    const identity = `identity ${outcome.value.spiffeId}`;
    add({ id: identity, kind: 'identity', label: outcome.value.spiffeId, state: 'plain', note: '' });
    connect(id, identity);
  }
}

function isThere(
  groups: Readonly<Record<string, ReadonlyMap<string, unknown> | 'unserved'>>,
  name: string,
): boolean {
  return Object.values(groups).some((served) => served !== 'unserved' && served.has(name));
}

function toReferred(id: string, kind: 'pool' | 'objective', isFound: boolean): GraphNode {
  const label = id.slice(kind.length + 1);
  return { id, kind, label, state: isFound ? 'plain' : 'missing', note: isFound ? '' : 'not there' };
}

function toState(ready: string | undefined): GraphNode['state'] {
  switch (ready) {
    case 'True':
      return 'ready';
    case 'False':
      return 'failed';
    default:
      return 'pending';
  }
}
