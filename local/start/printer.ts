import type { Paint } from '../../cli/terminal/paint.ts';
import type { Terminal } from '../../cli/terminal/terminal.ts';
import type { Delivery } from '../eventing/broker.ts';
import type { SourceNews } from '../eventing/sources.ts';
import { toColor, toOverview } from './overview.ts';
import type { BindingRow, Transition } from './transitions.ts';

/** Shows people what happens; everything that is only interesting to machines goes elsewhere. */
export interface Printer {
  readonly transition: (transition: Transition) => void;
  readonly delivery: (delivery: Delivery) => void;
  readonly news: (news: SourceNews) => void;
  readonly table: (rows: readonly BindingRow[]) => void;
  readonly warning: (text: string) => void;
  readonly text: (text: string) => void;
}

/** Prints lines and tables. The terminal is asked for anew each time, because people change its width. */
export function createPrinter(
  out: Pick<NodeJS.WriteStream, 'write'>,
  terminal: () => Terminal,
  now: () => Date,
): Printer {
  const { paint } = terminal();
  const print = (text: string): void => void out.write(`${text}\n`);
  const line = (text: string): void => print(`${paint('dim', toClock(now()))}  ${text}`);
  const warning = (text: string): void => line(paint('yellow', text));
  return {
    transition: (transition) => line(toLine(transition, paint)),
    delivery: (delivery) => {
      const text = toTrouble(delivery);
      if (text !== undefined) warning(text);
    },
    news: (news) => {
      // That a source works is no news at the start, and after trouble its events say so.
      if (news.kind !== 'watching') warning(toNews(news));
    },
    table: (rows) => print(['', ...toOverview(rows, terminal()), ''].join('\n')),
    warning,
    text: print,
  };
}

/** The time of day where the reader is. */
export function toClock(time: Date): string {
  return time.toTimeString().slice(0, 8);
}

function toLine(transition: Transition, paint: Paint): string {
  switch (transition.kind) {
    case 'binding': {
      const { row } = transition;
      if (row.ready === '') return `${row.binding}  seen`;
      const state = paint(toColor(row), `Ready=${row.ready} ${row.reason}`);
      return `${row.binding}  ${state}  ${row.ready === 'True' ? row.spiffeId : row.message}`;
    }
    case 'binding-gone':
      return `${transition.binding}  deleted`;
    case 'output':
      return `${transition.change} ClusterSPIFFEID ${transition.name}  ${transition.spiffeId}`;
  }
}

/** Deliveries are only worth a line where they did not work, and again when they are given up. */
function toTrouble({ trigger, outcome, status, attempt, reason }: Delivery): string | undefined {
  const answer = `answer ${status ?? 'none'}${reason === undefined ? '' : ` (${reason})`}`;
  switch (outcome) {
    case 'delivered':
    case 'replied':
    case 'abandoned':
      return undefined;
    case 'will retry':
      return attempt === 1 ? `${trigger}: will retry, ${answer}` : undefined;
    default:
      return `${trigger}: ${outcome}, try ${attempt}, ${answer}`;
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
