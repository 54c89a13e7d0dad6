import { expect, test } from 'vitest';
import { toClock } from './clock.ts';

test('the clock is to the second, with a quarantine behind it and a horizon as far ahead', () => {
  expect(toClock('2026-11-21T12:00:00.900Z')).toEqual({
    now: '2026-11-21T12:00:00Z',
    quarantine: '2026-11-21T11:58:00Z',
    horizon: '2026-11-21T12:02:00Z',
  });
});
