import type { CloudEvent } from 'cloudevents';

/**
 * The attribute of CloudEvents' Correlation extension. What follows from an event has the same value, so that one id
 * leads through the logs of all functions.
 */
const attribute = 'correlationid';

// Senders choose their ids. A UUID has 36 characters. What is longer, or could be a text or break a log line, is not
// carried on.
const carried = /^[\w.:/@+=-]{1,128}$/;

/** The event from which another one follows. */
export type Cause = Pick<CloudEvent<unknown>, 'id'> & { readonly [attribute]?: unknown };

/** An event as a cause, without its data: a handler that waits for long must not keep these in memory. */
export function toCause({ id, [attribute]: correlation }: Cause): Cause {
  return { id, [attribute]: correlation };
}

/** The correlation of an event; undefined if it has none, as the first event of a change. */
export function readCorrelationId(cause: Cause): string | undefined {
  return toCarried(cause[attribute]);
}

/** The attribute of what follows from an event: its own correlation, or else its id. */
export function toCorrelation(cause: Cause): { readonly [attribute]?: string } {
  const id = readCorrelationId(cause) ?? toCarried(cause.id);
  return id === undefined ? {} : { [attribute]: id };
}

function toCarried(value: unknown): string | undefined {
  return typeof value === 'string' && carried.test(value) ? value : undefined;
}
