import type { FailureCondition } from './condition-types.ts';
import type { ConditionOf, RefusalReason } from './reasons.ts';

// The limit of Kubernetes for the message of a condition. A message quotes what it found, which nothing else may limit.
const maxMessageLength = 32_768;

/** The user must act. It says which condition is True, the reason and a message. `retry`: look again without being asked. */
export interface Refused {
  readonly kind: 'refused';
  readonly condition: FailureCondition;
  readonly reason: RefusalReason;
  readonly message: string;
  readonly retry: boolean;
}

/** Nobody needs to act, but something else must happen first. */
export interface Waiting {
  readonly kind: 'waiting';
  readonly message: string;
}

/** The result that was asked for. */
export interface Done<T> {
  readonly kind: 'done';
  readonly value: T;
}

/** A result, or a refusal. The one union of its kind in this project. */
export type Outcome<T> = Done<T> | Refused;

/** A result. */
export function done<T>(value: T): Done<T> {
  return { kind: 'done', value };
}

/** A refusal that lasts until the user changes something. */
export function refused<R extends RefusalReason>(
  condition: ConditionOf<R>,
  reason: R,
  message: string,
): Refused {
  return { kind: 'refused', condition, reason, message: cutMessage(message), retry: false };
}

/** A refusal that may end when something outside of the binding appears. */
export function refusedForNow<R extends RefusalReason>(
  condition: ConditionOf<R>,
  reason: R,
  message: string,
): Refused {
  return { kind: 'refused', condition, reason, message: cutMessage(message), retry: true };
}

/** A cut may split a character, and the API server would store half of it as another one. */
function cutMessage(message: string): string {
  if (message.length <= maxMessageLength) return message;
  return `${message.slice(0, maxMessageLength - 1).toWellFormed()}…`;
}
