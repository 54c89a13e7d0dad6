import type { Color } from '../terminal/paint.ts';
import type { Terminal } from '../terminal/terminal.ts';
import type { GraphNode, IdentityGraph } from '../../shared/explain/graph/identity-graph.ts';

const colors = {
  ready: 'green',
  failed: 'red',
  pending: 'yellow',
  missing: 'red',
  plain: 'bold',
} as const satisfies Record<GraphNode['state'], Color>;

/** The graph as a tree: pools, under them their bindings, under these their identities. */
export function toGraphText({ nodes, edges }: IdentityGraph, { paint }: Terminal): string {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const show = (node: GraphNode): string =>
    `${paint(colors[node.state], node.label)}${node.note === '' ? '' : ` (${node.note})`}`;
  const behind = (id: string) =>
    edges.filter(({ from }) => from === id).flatMap(({ to }) => byId.get(to) ?? []);
  const objectivesOf = (id: string) =>
    edges
      .filter(({ to, from }) => to === id && from.startsWith('objective '))
      .flatMap(({ from }) => byId.get(from) ?? []);
  const toBinding = (binding: GraphNode): string[] => [
    `  ${show(binding)}${objectivesOf(binding.id)
      .map((objective) => `, objective ${show(objective)}`)
      .join('')}`,
    ...behind(binding.id).map((identity) => `    → ${identity.label}`),
  ];
  const pools = nodes.filter(({ kind }) => kind === 'pool');
  if (pools.length === 0) return 'there are no bindings\n';
  return `${pools.flatMap((pool) => [`pool ${show(pool)}`, ...behind(pool.id).flatMap(toBinding)]).join('\n')}\n`;
}
