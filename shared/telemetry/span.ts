import { AsyncLocalStorage } from 'node:async_hooks';
import type { TraceContext } from './trace-context.ts';

export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** A stretch of work in a trace. */
export interface Span {
  /** What is handed on to all that follows from this work. */
  readonly context: TraceContext;
  /** Begins a call to somebody else as a part of this work; undefined: nobody records it. */
  startCall(name: string, attributes: Attributes): Span | undefined;
  /** Says that another piece of work does this one too. */
  addLink(other: TraceContext): void;
  /** `error`: why the work failed. */
  end(attributes: Attributes, error?: string): void;
}

/** Work that begins because of an event. */
export interface EventWork {
  readonly name: string;
  /** Where the event comes from, if anybody said so. */
  readonly parent: TraceContext | undefined;
  /** A reading of `performance.now()`. */
  readonly since: number;
  readonly attributes: Attributes;
}

/** Begins the span of an event; undefined: it belongs to no trace. */
export type StartSpan = (work: EventWork) => Span | undefined;

/** Records nothing: the trace of the event is handed on as it came. */
export function handOn({ parent }: EventWork): Span | undefined {
  return (
    parent && {
      context: parent,
      startCall: () => undefined,
      addLink: () => undefined,
      end: () => undefined,
    }
  );
}

// Node's way to know in a call or a log line for which request it is made. Whoever reads it must be right without it.
const current = new AsyncLocalStorage<Span | undefined>();

/** Does work as part of a span, with all that the work awaits. */
export function runIn<Args extends unknown[], Result>(
  span: Span | undefined,
  work: (...args: Args) => Result,
  ...args: Args
): Result {
  return current.run(span, work, ...args);
}

/** The span that the running work is a part of. */
export function currentSpan(): Span | undefined {
  return current.getStore();
}
