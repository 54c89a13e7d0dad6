import type { FailureCondition } from './conditions.ts';

/** The user must act: which condition says so, why, and in which words. `retry` asks to look again by itself. */
export interface Refused {
  readonly kind: 'refused';
  readonly condition: FailureCondition;
  readonly reason: string;
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
export function refused(condition: FailureCondition, reason: string, message: string): Refused {
  return { kind: 'refused', condition, reason, message, retry: false };
}

/** The answer is no, until something outside of the binding appears. */
export function refusedForNow(condition: FailureCondition, reason: string, message: string): Refused {
  return { kind: 'refused', condition, reason, message, retry: true };
}
