import type { GraphNode, IdentityGraph } from '../../shared/explain/graph/identity-graph.ts';

const shapes = {
  pool: ['[(', ')]'],
  objective: ['([', '])'],
  binding: ['[', ']'],
  identity: ['{{', '}}'],
} as const;

/** The graph in the language of mermaid, which GitHub draws. */
export function toMermaid({ nodes, edges }: IdentityGraph): string {
  const names = toNames(nodes);
  return [
    'flowchart LR',
    ...nodes.map((node) => {
      const [open, close] = shapes[node.kind];
      return `  ${names.get(node.id)}${open}"${escapeMermaid(toLabel(node))}"${close}:::${node.state}`;
    }),
    ...edges.map(({ from, to }) => `  ${names.get(from)} --> ${names.get(to)}`),
    '  classDef ready stroke:#2da44e',
    '  classDef failed stroke:#cf222e',
    '  classDef pending stroke:#bf8700',
    '  classDef missing stroke:#cf222e,stroke-dasharray: 4',
    '  classDef plain stroke:#57606a',
    '',
  ].join('\n');
}

const dotShapes = { pool: 'cylinder', objective: 'ellipse', binding: 'box', identity: 'hexagon' } as const;
const strokes = { ready: 'green', failed: 'red', pending: 'orange', missing: 'red', plain: 'gray' } as const;

/** The graph in the language of Graphviz. */
export function toDot({ nodes, edges }: IdentityGraph): string {
  return [
    'digraph identities {',
    '  rankdir=LR;',
    ...nodes.map(
      (node) =>
        `  ${quote(node.id)} [label=${quote(toLabel(node))}, shape=${dotShapes[node.kind]}, color=${strokes[node.state]}];`,
    ),
    ...edges.map(({ from, to }) => `  ${quote(from)} -> ${quote(to)};`),
    '}',
    '',
  ].join('\n');
}

function quote(text: string): string {
  return JSON.stringify(text);
}

function toNames(nodes: readonly GraphNode[]): ReadonlyMap<string, string> {
  return new Map(nodes.map(({ id }, index) => [id, `n${index}`]));
}

function toLabel({ label, note }: GraphNode): string {
  return note === '' ? label : `${label} (${note})`;
}

function escapeMermaid(text: string): string {
  return text.replaceAll('"', '#quot;');
}
