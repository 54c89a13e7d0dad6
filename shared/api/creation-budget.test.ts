import { expect, test } from 'vitest';
import {
  answerWithinMs,
  clockSkewMs,
  quarantineMs,
  sendWithinMs,
  serverTimeoutMs,
} from './creation-budget.ts';

test('the parts of a quarantine add up', () => {
  expect(sendWithinMs + answerWithinMs + serverTimeoutMs + clockSkewMs).toBe(quarantineMs);
});
