import { shorten } from '../../shared/text/shorten.ts';
import type { Terminal } from './terminal.ts';
import type { Color } from './paint.ts';

/** A line of a table, with the colour that it has. */
export interface Row {
  readonly cells: readonly string[];
  readonly color?: Color | undefined;
}

const gap = '   ';
const narrowest = 8;

/**
 * A table that fits the terminal. Where it is too wide, the widest columns are cut; where that is not enough, those behind
 * the first are left out. The first says what a row is about, so it keeps up to half of the width.
 */
export function toTable(head: readonly string[], rows: readonly Row[], { width, paint }: Terminal): string[] {
  const all = [head, ...rows.map(({ cells }) => cells)];
  const natural = head.map((_, column) => ({
    column,
    wide: Math.max(...all.map((cells) => cells[column]?.length ?? 0)),
  }));
  const columns = width === undefined ? natural : fit(natural, width);
  const toLine = (cells: readonly string[]) =>
    columns
      .map(({ column, wide }) => cut(cells[column] ?? '', wide).padEnd(wide))
      .join(gap)
      .trimEnd();
  return [
    paint('bold', toLine(head)),
    ...rows.map(({ cells, color }) => (color ? paint(color, toLine(cells)) : toLine(cells))),
  ];
}

interface Column {
  readonly column: number;
  readonly wide: number;
}

function fit(columns: readonly Column[], width: number): readonly Column[] {
  const [first, second, ...others] = columns;
  if (!first) return columns;
  if (!second) return [{ ...first, wide: Math.min(first.wide, width) }];
  const kept = { ...first, wide: Math.min(first.wide, Math.floor(width / 2)) };
  const room = width - kept.wide - gap.length * (columns.length - 1);
  const narrow = narrowTo(room, [second, ...others]);
  if (narrow) return [kept, ...narrow];
  return fit([first, ...others], width);
}

/** Takes from the widest column, one after the other, until all fit; undefined: they do not. */
function narrowTo(room: number, columns: readonly Column[]): readonly Column[] | undefined {
  const widths = columns.map(({ wide }) => wide);
  let surplus = widths.reduce((sum, one) => sum + one, 0) - room;
  while (surplus > 0) {
    const widest = Math.max(...widths);
    if (widest <= narrowest) return undefined;
    widths[widths.lastIndexOf(widest)] = widest - 1;
    surplus--;
  }
  return columns.map(({ column }, index) => ({ column, wide: widths[index] ?? 0 }));
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : shorten(text, width - 1);
}
