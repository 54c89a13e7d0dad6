import { describe, expect, test } from 'vitest';
import { done, refused, refusedForNow } from './outcome.ts';

describe('an outcome', () => {
  test('that is done carries its value', () => {
    expect(done('value')).toEqual({ kind: 'done', value: 'value' });
  });

  test('that is refused waits for a change', () => {
    expect(refused('InvalidRef', 'TargetPoolNotFound', 'poolRef "p" was not found')).toEqual({
      kind: 'refused',
      condition: 'InvalidRef',
      reason: 'TargetPoolNotFound',
      message: 'poolRef "p" was not found',
      retry: false,
    });
  });

  test('that is refused for now looks again by itself', () => {
    expect(refusedForNow('InvalidRef', 'InferencePoolCRDMissing', 'x').retry).toBe(true);
  });
});

describe('a message', () => {
  test('of 32768 characters is kept', () => {
    const message = 'm'.repeat(32_768);
    expect(refused('InvalidRef', 'InvalidPoolRef', message).message).toBe(message);
  });

  test.each([refused, refusedForNow])('that is longer is cut to what a condition may hold (%o)', (refuse) => {
    const { message } = refuse('InvalidRef', 'InvalidPoolRef', 'm'.repeat(1_000_000));
    expect(message).toBe(`${'m'.repeat(32_767)}…`);
  });

  test('that is cut through a character keeps no half of it', () => {
    const { message } = refused('InvalidRef', 'InvalidPoolRef', `${'m'.repeat(32_766)}😀😀`);
    expect(message).toHaveLength(32_768);
    expect(message.isWellFormed()).toBe(true);
  });
});
