import { describe, expect, it } from 'vitest';
import { type Retry, decideReadRetry, decideWriteRetry } from './retry-policy.ts';
import { UncertainError } from '../api/uncertain-error.ts';

const date = 'Tue, 06 Jan 2026 10:00:00 GMT';

function answered(status: number, headers: Record<string, string> = {}) {
  return { call: { method: 'GET', path: '/' }, status, headers: { date, ...headers }, text: '' } as const;
}

const lost = { status: 'lost', error: new Error('reset') } as const;
const busy = (ms: number): Retry => ({ why: 'busy', ms });
const broken: Retry = { why: 'broken', ms: 100 };
const token: Retry = { why: 'token', ms: 0 };

describe('how long a read waits before it is asked again', () => {
  it.each([
    ['200', answered(200), [], undefined],
    ['404', answered(404), [], undefined],
    ['403', answered(403), [], undefined],
    ['401', answered(401), [], token],
    ['401 again', answered(401), [token], undefined],
    ['401 after a 500', answered(401), [broken], token],
    ['429 with seconds', answered(429, { 'retry-after': '1' }), [], busy(1000)],
    ['429 with a date', answered(429, { 'retry-after': 'Tue, 06 Jan 2026 10:00:03 GMT' }), [], busy(3000)],
    [
      '429 with a date that has passed',
      answered(429, { 'retry-after': 'Tue, 06 Jan 2026 09:00:00 GMT' }),
      [],
      busy(100),
    ],
    ['429 with zero seconds', answered(429, { 'retry-after': '0' }), [], busy(100)],
    ['429 with nonsense', answered(429, { 'retry-after': 'soon' }), [], busy(1000)],
    ['429 without a word', answered(429), [], busy(1000)],
    ['429 within five seconds', answered(429), [busy(2000), busy(2000)], busy(1000)],
    ['429 past five seconds', answered(429), [busy(2000), busy(2001)], undefined],
    [
      '429 for the ninth time',
      answered(429, { 'retry-after': '0' }),
      Array.from({ length: 8 }, () => busy(100)),
      undefined,
    ],
    ['503 with Retry-After', answered(503, { 'retry-after': '2' }), [], busy(2000)],
    ['503 without', answered(503), [], broken],
    ['500', answered(500), [], broken],
    ['500 again', answered(500), [broken], undefined],
    ['a lost connection', lost, [], broken],
    ['a lost connection after a 500', lost, [broken], undefined],
    ['credentials that cannot be used', { status: 'lost', error: new UncertainError('no') }, [], undefined],
  ] as const)('%s', (_, attempt, earlier, expected) => {
    expect(decideReadRetry(attempt, earlier)).toEqual(expected);
  });
});

describe('how long a write waits before it is sent again', () => {
  it.each([
    ['429, which says that nothing was done', answered(429, { 'retry-after': '1' }), [], busy(1000)],
    ['429 past five seconds', answered(429), [busy(2000), busy(2001)], undefined],
    ['401, which says the same', answered(401), [], token],
    ['401 again', answered(401), [token], undefined],
    ['503 with Retry-After: it may have been done', answered(503, { 'retry-after': '1' }), [], undefined],
    ['500', answered(500), [], undefined],
    ['409', answered(409), [], undefined],
    ['a lost connection', lost, [], undefined],
  ] as const)('%s', (_, attempt, earlier, expected) => {
    expect(decideWriteRetry(attempt, earlier)).toEqual(expected);
  });
});
