import { shorten } from '../../../shared/text/shorten.ts';
import type { Box, Picture } from './picture.ts';

/** A box with its place. */
export interface Placed extends Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  /** The label, as far as it fits. */
  readonly text: string;
}

/** A column with its place. */
interface PlacedColumn {
  readonly title: string;
  readonly x: number;
}

/** A picture with places for everything. */
export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly columns: readonly PlacedColumn[];
  readonly boxes: ReadonlyMap<string, Placed>;
}

export const boxHeight = 26;
const rowHeight = 34;
const headHeight = 30;
const gap = 72;
/** Of the monospaced letters in which labels are set. */
const letterWidth = 7.3;
const padding = 12;
const fewestLetters = 10;
const mostLetters = 44;

/** The columns from left to right. */
const titles = {
  pool: 'Pools',
  objective: 'Objectives',
  binding: 'Bindings',
  identity: 'Identities',
} as const satisfies Record<Box['kind'], string>;

/** Finds a place for everything: bindings in rows, and everything else as near as possible to its bindings. */
export function toLayout({ columns, lines }: Picture): Layout {
  const rows = Math.max(1, ...Object.values(columns).map(({ length }) => length));
  const neighbours = toNeighbours(lines);
  const ys = new Map(columns.binding.map(({ id }, row) => [id, toY(row)]));
  for (const kind of ['identity', 'objective', 'pool'] as const) align(columns[kind], neighbours, ys, rows);

  const boxes = new Map<string, Placed>();
  const heads: PlacedColumn[] = [];
  let x = 1;
  for (const [kind, title] of Object.entries(titles)) {
    const column = columns[kind as Box['kind']];
    if (column.length === 0) continue;
    const letters = Math.max(fewestLetters, ...column.map((box) => toLabel(box).length));
    const width = Math.ceil(Math.min(mostLetters, letters) * letterWidth) + 2 * padding;
    heads.push({ title, x });
    for (const box of column)
      boxes.set(box.id, { ...box, x, y: ys.get(box.id) ?? headHeight, width, text: cut(toLabel(box)) });
    x += width + gap;
  }
  return { width: Math.max(1, x - gap + 1), height: headHeight + rows * rowHeight, columns: heads, boxes };
}

function toY(row: number): number {
  return headHeight + row * rowHeight;
}

function toNeighbours(lines: Picture['lines']): ReadonlyMap<string, readonly string[]> {
  const both = lines.flatMap(({ from, to }) => [
    { from, to },
    { from: to, to: from },
  ]);
  return new Map(
    [...Map.groupBy(both, ({ from }) => from)].map(([id, list]) => [id, list.map(({ to }) => to)]),
  );
}

/** Puts boxes to the middle of those that have a place already, one below the other. */
function align(
  column: readonly Box[],
  neighbours: ReadonlyMap<string, readonly string[]>,
  ys: Map<string, number>,
  rows: number,
): void {
  const wanted = column
    .map(({ id }) => ({
      id,
      y: toMiddle((neighbours.get(id) ?? []).flatMap((other) => ys.get(other) ?? [])),
    }))
    .toSorted((a, b) => a.y - b.y);
  let lowest = toY(0) - rowHeight;
  for (const [index, { id, y }] of wanted.entries()) {
    // Those below it need their rows, too.
    const highest = toY(rows - (wanted.length - index));
    lowest = Math.min(highest, Math.max(y, lowest + rowHeight));
    ys.set(id, lowest);
  }
}

function toMiddle(values: readonly number[]): number {
  if (values.length === 0) return toY(0);
  return (Math.min(...values) + Math.max(...values)) / 2;
}

const marks = { ready: '✓ ', failed: '✕ ', pending: '◷ ', missing: '✕ ', plain: '' } as const;

/** What stands in a box; the mark says what its colour says. */
function toLabel({ state, label, note, kind }: Box): string {
  const isNoted = note !== '' && kind !== 'binding';
  return `${marks[state]}${withoutTrustDomain(label)}${isNoted ? `: ${note}` : ''}`;
}

/** All SPIFFE IDs of a picture begin alike; the page says how. */
function withoutTrustDomain(label: string): string {
  return label.replace(/^spiffe:\/\/[^/]*/, '');
}

function cut(text: string): string {
  return text.length <= mostLetters ? text : shorten(text, mostLetters - 1);
}
