import { styleText } from 'node:util';
import type { Delivery } from '../eventing/broker.ts';
import type { SourceNews } from '../eventing/sources.ts';
import type { BindingRow, Transition } from './transitions.ts';

/** Shows people what happens; everything that is only interesting to machines goes elsewhere. */
export interface Printer {
  readonly transition: (transition: Transition) => void;
  readonly delivery: (delivery: Delivery) => void;
  readonly news: (news: SourceNews) => void;
  readonly table: (rows: readonly BindingRow[]) => void;
  readonly text: (text: string) => void;
}

type Color = Parameters<typeof styleText>[0];
type Paint = (color: Color, text: string) => string;

/** Prints lines and tables; in colours only where a person sees them. */
export function createPrinter(
  out: Pick<NodeJS.WriteStream, 'write'>,
  isTerminal: boolean,
  now: () => Date,
): Printer {
  const paint: Paint = (color, text) =>
    isTerminal ? styleText(color, text, { validateStream: false }) : text;
  const print = (text: string): void => void out.write(`${text}\n`);
  const line = (text: string): void => print(`${paint('dim', now().toISOString().slice(11, 19))}  ${text}`);
  return {
    transition: (transition) => line(toLine(transition, paint)),
    delivery: (delivery) => {
      const text = toTrouble(delivery);
      if (text !== undefined) line(paint('yellow', text));
    },
    news: (news) => {
      // That a source works is no news at the start, and after trouble its events say so.
      if (news.kind !== 'watching') line(paint('yellow', toNews(news)));
    },
    table: (rows) => print(toTable(rows, paint)),
    text: print,
  };
}

function toLine(transition: Transition, paint: Paint): string {
  switch (transition.kind) {
    case 'binding': {
      const { row, message } = transition;
      if (row.ready === '') return `${row.binding}  seen`;
      const state = paint(toColor(row.ready), `Ready=${row.ready} ${row.reason}`);
      return `${row.binding}  ${state}  ${row.ready === 'True' ? row.spiffeId : message}`;
    }
    case 'binding-gone':
      return `${transition.binding}  deleted`;
    case 'output':
      return `${transition.change} ClusterSPIFFEID ${transition.name}  ${transition.spiffeId}`;
  }
}

function toColor(ready: string): Color {
  if (ready === 'True') return 'green';
  return ready === 'False' ? 'red' : 'yellow';
}

/** Deliveries are only worth a line where they did not work. */
function toTrouble({ trigger, outcome, status, attempt, reason }: Delivery): string | undefined {
  switch (outcome) {
    case 'delivered':
    case 'replied':
    case 'abandoned':
      return undefined;
    default:
      return `${trigger}: ${outcome}, try ${attempt}, answer ${status ?? 'none'}${reason === undefined ? '' : ` (${reason})`}`;
  }
}

function toNews(news: Exclude<SourceNews, { kind: 'watching' }>): string {
  switch (news.kind) {
    case 'missing':
      return `source ${news.source}: waiting, ${news.reason}`;
    default:
      return `source ${news.source}: ${news.kind}, ${news.reason}`;
  }
}

const columns = [
  ['BINDING', 'binding'],
  ['MODE', 'mode'],
  ['POOL', 'pool'],
  ['READY', 'ready'],
  ['REASON', 'reason'],
  ['SPIFFE ID', 'spiffeId'],
] as const satisfies readonly (readonly [string, keyof BindingRow])[];

// On a cluster with thousands of bindings nobody reads them all, again and again.
const maxRows = 30;

function toTable(all: readonly BindingRow[], paint: Paint): string {
  const rows = all.slice(0, maxRows);
  const widths = columns.map(([title, field]) =>
    Math.max(title.length, ...rows.map((row) => row[field].length)),
  );
  const pad = (texts: readonly string[]): string =>
    texts
      .map((text, index) => text.padEnd(widths[index] ?? 0))
      .join('   ')
      .trimEnd();
  const head = paint('bold', pad(columns.map(([title]) => title)));
  const body = rows.map((row) => paint(toColor(row.ready), pad(columns.map(([, field]) => row[field]))));
  const rest = all.length > maxRows ? [`… and ${all.length - maxRows} more`] : [];
  return ['', head, ...body, ...rest, ''].join('\n');
}
