import type { FailureCondition } from './conditions.ts';
import type { ConditionOf, RefusalReason } from './reasons.ts';

// What Kubernetes allows in the message of a condition. A message quotes what it found, and a CRD may limit nothing.
const maxMessageLength = 32_768;

/** The user must act: which condition says so, why, and in which words. `retry` asks to look again by itself. */
export interface Refused {
  readonly kind: 'refused';
  readonly condition: FailureCondition;
  readonly reason: RefusalReason;
  readonly message: string;
  readonly retry: boolean;
}

/** Nobody needs to act, but what comes next must come first. */
export interface Waiting {
  readonly kind: 'waiting';
  readonly message: string;
}

/** What was asked for. */
export interface Done<T> {
  readonly kind: 'done';
  readonly value: T;
}

/** Every answer in this project that may be no. */
export type Outcome<T> = Done<T> | Refused;

/** The answer is yes. */
export function done<T>(value: T): Done<T> {
  return { kind: 'done', value };
}

/** The answer is no, until somebody changes something. */
export function refused<R extends RefusalReason>(
  condition: ConditionOf<R>,
  reason: R,
  message: string,
): Refused {
  return { kind: 'refused', condition, reason, message: cutMessage(message), retry: false };
}

/** The answer is no, until something outside of the binding appears. */
export function refusedForNow<R extends RefusalReason>(
  condition: ConditionOf<R>,
  reason: R,
  message: string,
): Refused {
  return { kind: 'refused', condition, reason, message: cutMessage(message), retry: true };
}

/** A cut may go through a character: half of one would come back from the API server as something else. */
function cutMessage(message: string): string {
  if (message.length <= maxMessageLength) return message;
  return `${message.slice(0, maxMessageLength - 1).toWellFormed()}…`;
}
