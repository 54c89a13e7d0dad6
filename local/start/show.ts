import type { CloudEvent } from 'cloudevents';
import type { Delivery } from '../eventing/broker.ts';
import { type Printer, createPrinter } from './printer.ts';
import type { SourceNews } from '../eventing/sources.ts';
import { createWatcher } from './transitions.ts';

/** Where text goes, and whether a person reads it there. */
export type Out = Pick<NodeJS.WriteStream, 'write' | 'isTTY'>;

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

/** A show on an output. */
export function createShow(out: Out): Show {
  const printer = createPrinter(out, out.isTTY, () => new Date());
  const watcher = createWatcher();
  let after: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  function printTable(): void {
    printer.table(watcher.rows());
    after?.();
    after = undefined;
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
    onNews: printer.news,
    afterTable: (then) => {
      after = then;
    },
    stop: () => clearTimeout(timer),
  };
}
