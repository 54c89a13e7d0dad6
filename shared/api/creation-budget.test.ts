import { expect, test } from 'vitest';
import {
  answerWithinMs,
  clockSkewMs,
  quarantineMs,
  sendWithinMs,
  serverTimeoutMs,
} from './creation-budget.ts';

test('a claim outlasts its POST by what the clocks of API servers may differ', () => {
  expect(sendWithinMs + answerWithinMs + serverTimeoutMs + clockSkewMs).toBe(quarantineMs);
  expect(clockSkewMs).toBeGreaterThanOrEqual(30_000);
});

test('the API server may take as long as it does by default', () => {
  expect(serverTimeoutMs).toBe(60_000);
});
