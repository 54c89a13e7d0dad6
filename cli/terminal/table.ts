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

/** A table that fits the terminal: where it is too wide, the widest columns are cut. */
export function toTable(head: readonly string[], rows: readonly Row[], { width, paint }: Terminal): string[] {
  const all = [head, ...rows.map(({ cells }) => cells)];
  const natural = head.map((_, column) => Math.max(...all.map((cells) => cells[column]?.length ?? 0)));
  const widths = width === undefined ? natural : fit(natural, width - gap.length * (head.length - 1));
  const toLine = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cut(cell, widths[column] ?? 0).padEnd(widths[column] ?? 0))
      .join(gap)
      .trimEnd();
  return [
    paint('bold', toLine(head)),
    ...rows.map(({ cells, color }) => (color ? paint(color, toLine(cells)) : toLine(cells))),
  ];
}

/** Takes from the widest column, one after the other, until all fit. */
function fit(natural: readonly number[], room: number): number[] {
  const widths = [...natural];
  let surplus = widths.reduce((sum, one) => sum + one, 0) - room;
  while (surplus > 0) {
    const widest = Math.max(...widths);
    if (widest <= narrowest) return widths;
    widths[widths.lastIndexOf(widest)] = widest - 1;
    surplus--;
  }
  return widths;
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : shorten(text, width - 1);
}
