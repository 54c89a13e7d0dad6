import type { CloudEvent } from 'cloudevents';
import { describeTerminal } from '../../cli/terminal/terminal.ts';
import type { Delivery } from '../eventing/broker.ts';
import { createOutage } from './outage.ts';
import { type Printer, createPrinter, toClock } from './printer.ts';
import type { SourceNews } from '../eventing/sources.ts';
import { createWatcher } from './transitions.ts';

/** Where text goes, and whether a person reads it there. */
export type Out = Pick<NodeJS.WriteStream, 'write' | 'isTTY'> & { readonly columns?: number };

/** Shows a person what passes: a line for each transition, and a table when it has become quiet again. */
export interface Show {
  readonly printer: Printer;
  readonly onEvent: (event: CloudEvent<unknown>) => void;
  readonly onDelivery: (delivery: Delivery) => void;
  readonly onNews: (news: SourceNews) => void;
  /** Does something once, after the next table. */
  readonly afterTable: (then: () => void) => void;
  readonly stop: () => void;
}

// A change brings a few more with it; the table is printed when they have passed.
const quietMs = 400;
// While the API server does not answer nothing happens, so nothing else says that it still does not.
const reminderMs = 30_000;

function now(): Date {
  return new Date();
}

/** A show on an output. */
export function createShow(out: Out, environment: NodeJS.ProcessEnv): Show {
  const printer = createPrinter(out, () => describeTerminal(out, environment), now);
  const outage = createOutage(now, toClock);
  const reminding = setInterval(remind, reminderMs);
  const watcher = createWatcher();
  let after: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  function printTable(): void {
    printer.table(watcher.rows());
    remind();
    after?.();
    after = undefined;
  }
  function remind(): void {
    const words = outage.reminder();
    if (words !== undefined) printer.warning(words);
  }
  return {
    printer,
    onEvent: (event) => {
      const transition = watcher.see(event);
      if (!transition) return;
      printer.transition(transition);
      clearTimeout(timer);
      timer = setTimeout(printTable, quietMs);
    },
    onDelivery: printer.delivery,
    onNews: (news) => {
      const words = outage.see(news);
      if (words !== undefined) printer.warning(words);
      if (news.kind !== 'interrupted') printer.news(news);
    },
    afterTable: (then) => {
      after = then;
    },
    stop: () => {
      clearTimeout(timer);
      clearInterval(reminding);
    },
  };
}
