import { toTable } from '../../cli/terminal/table.ts';
import type { Color } from '../../cli/terminal/paint.ts';
import type { Terminal } from '../../cli/terminal/terminal.ts';
import type { BindingRow } from './transitions.ts';

// On a cluster with thousands of bindings nobody reads them all, again and again.
const maxRows = 30;

const head = ['BINDING', 'MODE', 'POOL', 'OBJECTIVE', 'READY', 'REASON', 'SPIFFE ID, OR WHY THERE IS NONE'];

/** In this order people look at bindings. */
const states = ['refused', 'colliding', 'waiting', 'new', 'ready'] as const;
type State = (typeof states)[number];

/** All bindings as a table, those that need somebody first, and how many there are of each state. */
export function toOverview(all: readonly BindingRow[], terminal: Terminal): string[] {
  const rows = all.toSorted((a, b) => states.indexOf(stateOf(a)) - states.indexOf(stateOf(b)));
  const shown = rows.slice(0, maxRows).map((row) => ({ cells: toCells(row), color: toColor(row) }));
  const rest = all.length > maxRows ? [`… and ${all.length - maxRows} more`] : [];
  return [...toTable(head, shown, terminal), ...rest, toCounts(all)];
}

function toCells(row: BindingRow): string[] {
  const { binding, mode, pool, objective, ready, reason, spiffeId, message } = row;
  return [binding, mode, pool, objective, ready, reason, ready === 'True' ? spiffeId : message];
}

/** `201 ready, 2 colliding`. */
function toCounts(rows: readonly BindingRow[]): string {
  const counts = states
    .map((state) => ({ state, count: rows.filter((row) => stateOf(row) === state).length }))
    .filter(({ count }) => count > 0);
  const [first, last] = [
    counts.filter(({ state }) => state === 'ready'),
    counts.filter(({ state }) => state !== 'ready'),
  ];
  return [...first, ...last].map(({ state, count }) => `${count} ${state}`).join(', ') || 'no bindings';
}

function stateOf({ ready, reason }: BindingRow): State {
  if (ready === 'True') return 'ready';
  if (ready === '') return 'new';
  if (ready === 'Unknown') return 'waiting';
  return reason === 'IdentityCollision' ? 'colliding' : 'refused';
}

/** How good it is. */
export function toColor({ ready }: BindingRow): Color {
  if (ready === 'True') return 'green';
  return ready === 'False' ? 'red' : 'yellow';
}
