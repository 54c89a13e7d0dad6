import { expect, test } from 'vitest';
import { createOutage } from './outage.ts';
import { toClock } from './printer.ts';

test('an API server that does not answer is told of once, remembered, and told of again when it is back', () => {
  let time = new Date(2026, 0, 2, 3, 4, 5);
  const outage = createOutage(() => time, toClock);
  expect(outage.reminder()).toBeUndefined();
  expect(outage.see({ source: 'pools', kind: 'watching' })).toBeUndefined();

  const gone = { kind: 'interrupted', reason: 'ECONNREFUSED' } as const;
  expect(outage.see({ source: 'pools', ...gone })).toBe('the API server does not answer: ECONNREFUSED');
  expect(outage.see({ source: 'bindings', ...gone })).toBeUndefined();
  expect(outage.reminder()).toBe('the API server has not answered since 03:04:05: what is shown may be old');

  time = new Date(2026, 0, 2, 3, 4, 47);
  expect(outage.see({ source: 'pools', kind: 'watching' })).toBeUndefined();
  expect(outage.see({ source: 'bindings', kind: 'missing', reason: 'no CRD' })).toBe(
    'the API server answers again, after 42 s',
  );
  expect(outage.reminder()).toBeUndefined();
});
