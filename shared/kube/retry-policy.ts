import { UncertainError } from '../api/uncertain-error.ts';

/** The parts of an answer that decide whether a call is sent again. */
interface AnsweredCall {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** A call without an answer. */
export interface LostCall {
  readonly status: 'lost';
  readonly error: unknown;
}

/** Why a call is sent again, and after how long. */
export interface Retry {
  readonly why: 'busy' | 'broken' | 'token';
  readonly ms: number;
}

const longestWait = 5000;
const mostPauses = 8;

/**
 * How long a read waits before it is sent again; `undefined`: it is not. A busy server (429, or 503 with Retry-After)
 * says when. A broken answer or connection is tried again once, and so is a 401, because the token may have been
 * replaced after we read its file.
 */
export function decideReadRetry(
  attempt: AnsweredCall | LostCall,
  earlier: readonly Retry[],
): Retry | undefined {
  if (earlier.length === mostPauses) return undefined;
  if (attempt.status === 'lost') {
    return attempt.error instanceof UncertainError ? undefined : once({ why: 'broken', ms: 100 }, earlier);
  }
  if (attempt.status === 401) return once({ why: 'token', ms: 0 }, earlier);
  const asked = attempt.headers['retry-after'];
  if (attempt.status === 429 || (attempt.status === 503 && asked !== undefined)) {
    return inBounds({ why: 'busy', ms: toMilliseconds(asked, attempt.headers['date']) }, earlier);
  }
  return attempt.status >= 500 ? once({ why: 'broken', ms: 100 }, earlier) : undefined;
}

/**
 * The same for a write. 429 and 401 are answered before anything is stored, by the API server or a webhook. After any
 * other answer the write may have been carried out.
 */
export function decideWriteRetry(
  attempt: AnsweredCall | LostCall,
  earlier: readonly Retry[],
): Retry | undefined {
  return attempt.status === 429 || attempt.status === 401 ? decideReadRetry(attempt, earlier) : undefined;
}

function once(retry: Retry, earlier: readonly Retry[]): Retry | undefined {
  return earlier.some(({ why }) => why === retry.why) ? undefined : retry;
}

function inBounds(retry: Retry, earlier: readonly Retry[]): Retry | undefined {
  const waited = earlier.reduce((sum, { ms }) => sum + ms, 0);
  return waited + retry.ms > longestWait ? undefined : retry;
}

/** Retry-After is seconds or a date; the date is compared with the server's own clock. */
function toMilliseconds(retryAfter = '1', date = ''): number {
  if (/^\d+$/.test(retryAfter)) return Math.max(100, Number(retryAfter) * 1000);
  const ms = Date.parse(retryAfter) - Date.parse(date);
  return Number.isNaN(ms) ? 1000 : Math.max(100, ms);
}
