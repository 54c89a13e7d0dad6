import type { GraphEdge, GraphNode, IdentityGraph } from '../../shared/explain/graph/identity-graph.ts';

const rowHeight = 34;
const boxHeight = 24;
const letterWidth = 7;
const gap = 70;
const margin = 16;

const strokes = {
  ready: '#2da44e',
  failed: '#cf222e',
  pending: '#bf8700',
  missing: '#cf222e',
  plain: '#57606a',
} as const satisfies Record<GraphNode['state'], string>;

interface Box {
  readonly node: GraphNode;
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

/** The graph as a picture: a column for what is referred to, one for bindings, one for identities. */
export function toSvg({ nodes, edges }: IdentityGraph): string {
  const columns = [['pool', 'objective'], ['binding'], ['identity']].map((kinds) =>
    nodes.filter(({ kind }) => kinds.includes(kind)),
  );
  const boxes = place(columns);
  const byId = new Map(boxes.map((box) => [box.node.id, box]));
  const width = Math.max(0, ...boxes.map((box) => box.x + box.width)) + margin;
  const height = Math.max(1, ...columns.map(({ length }) => length)) * rowHeight + 2 * margin;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="monospace" font-size="12">`,
    ...edges.flatMap((edge) => toLine(edge, byId)),
    ...boxes.map(toBox),
    '</svg>',
    '',
  ].join('\n');
}

function place(columns: readonly (readonly GraphNode[])[]): Box[] {
  let x = margin;
  return columns.flatMap((nodes) => {
    const width = Math.max(0, ...nodes.map((node) => toText(node).length * letterWidth + 16));
    const boxes = nodes.map((node, row) => ({ node, x, y: margin + row * rowHeight, width }));
    x += width === 0 ? 0 : width + gap;
    return boxes;
  });
}

function toLine({ from, to }: GraphEdge, boxes: ReadonlyMap<string, Box>): string[] {
  const [start, end] = [boxes.get(from), boxes.get(to)];
  if (!start || !end) return [];
  const [x1, y1] = [start.x + start.width, start.y + boxHeight / 2];
  const [x2, y2] = [end.x, end.y + boxHeight / 2];
  const middle = (x1 + x2) / 2;
  return [
    `  <path d="M${x1} ${y1} C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}" fill="none" stroke="#8c959f"/>`,
  ];
}

function toBox({ node, x, y, width }: Box): string {
  const dash = node.state === 'missing' ? ' stroke-dasharray="4"' : '';
  const radius = node.kind === 'binding' ? 2 : boxHeight / 2;
  const rect = `<rect x="${x}" y="${y}" width="${width}" height="${boxHeight}" rx="${radius}" fill="#fff" stroke="${strokes[node.state]}"${dash}/>`;
  return `  ${rect}<text x="${x + 8}" y="${y + 16}">${escape(toText(node))}</text>`;
}

function toText({ kind, label, note }: GraphNode): string {
  const title = kind === 'identity' ? label : `${kind} ${label}`;
  return note === '' ? title : `${title} (${note})`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
