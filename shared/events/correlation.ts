import type { CloudEvent } from 'cloudevents';

/**
 * The attribute by which an event says to which change it belongs: that of the Correlation extension of CloudEvents. What
 * follows from an event has the same one, so that one id leads through the logs of all functions.
 */
const attribute = 'correlationid';

// Senders choose their ids. A UUID has 36 characters; what could be a text, or break a log line, is not carried on.
const carried = /^[\w.:/@+=-]{1,128}$/;

/** What is known of an event when another one follows from it. */
export type Cause = Pick<CloudEvent<unknown>, 'id'> & { readonly [attribute]?: unknown };

/** The id that an event has been given for its logs; undefined where it has none, as the first one of a change. */
export function readCorrelationId(cause: Cause): string | undefined {
  return toCarried(cause[attribute]);
}

/** The attribute for what follows from an event: its own correlation, or else its id. */
export function toCorrelation(cause: Cause): { readonly [attribute]?: string } {
  const id = readCorrelationId(cause) ?? toCarried(cause.id);
  return id === undefined ? {} : { [attribute]: id };
}

function toCarried(value: unknown): string | undefined {
  return typeof value === 'string' && carried.test(value) ? value : undefined;
}
