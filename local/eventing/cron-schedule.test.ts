import { expect, test } from 'vitest';
import { parseCronSchedule } from './cron-schedule.ts';

// 20 November 2026 is a Friday.
test.each([
  ['* * * * *', '2026-11-20T10:00:30Z', '2026-11-20T10:01:00Z'],
  ['*/5 * * * *', '2026-11-20T10:00:00Z', '2026-11-20T10:05:00Z'],
  ['*/5 * * * *', '2026-11-20T10:58:59.999Z', '2026-11-20T11:00:00Z'],
  ['*/5 * * * * *', '2026-11-20T10:00:03Z', '2026-11-20T10:00:05Z'],
  ['0 0 * * *', '2026-12-31T23:59:59Z', '2027-01-01T00:00:00Z'],
  ['15,45 8-9 * * *', '2026-11-20T09:45:00Z', '2026-11-21T08:15:00Z'],
  ['10-50/20 * * * *', '2026-11-20T10:10:00Z', '2026-11-20T10:30:00Z'],
  ['50/5 * * * *', '2026-11-20T10:50:00Z', '2026-11-20T10:55:00Z'],
  ['0 12 * * 1', '2026-11-20T10:00:00Z', '2026-11-23T12:00:00Z'],
  ['0 12 29 2 *', '2026-11-20T10:00:00Z', '2028-02-29T12:00:00Z'],
  ['0 12 31 * *', '2026-11-20T10:00:00Z', '2026-12-31T12:00:00Z'],
  // both day fields restricted: either of them is enough
  ['0 12 1 * 1', '2026-11-24T10:00:00Z', '2026-11-30T12:00:00Z'],
  ['0 12 1 * 1', '2026-11-30T12:00:00Z', '2026-12-01T12:00:00Z'],
  // a star with a step is a restriction too
  ['0 12 */2 * 1', '2026-11-20T10:00:00Z', '2026-11-21T12:00:00Z'],
  // one of them a star: both must fit
  ['0 12 * 12 6', '2026-11-20T10:00:00Z', '2026-12-05T12:00:00Z'],
  ['0 12 * DEC SAT', '2026-11-20T10:00:00Z', '2026-12-05T12:00:00Z'],
  ['@hourly', '2026-11-20T10:00:00Z', '2026-11-20T11:00:00Z'],
])('%s after %s is %s', (schedule, after, next) => {
  expect(parseCronSchedule(schedule).next(new Date(after))).toEqual(new Date(next));
});

test.each([
  ['* * * *', 'exactly five, six'],
  ['', 'exactly five, six'],
  ['@every 5m', 'exactly five, six'],
  ['* * * * * * *', 'requires exactly 5 or 6 parts'],
  ['60 * * * *', 'Invalid value for minute: 60'],
  ['* * 0 * *', 'Invalid value for day'],
  ['* * * * 8', 'Invalid value for dayOfWeek'],
  ['*/0 * * * *', 'illegal stepping: 0'],
  ['9-5 * * * *', 'From value is larger than to value'],
  ['1, * * * *', 'minute () is empty'],
  ['0 0 30 2 *', 'does not fire'],
])('refuses %j: %s', (schedule, message) => {
  expect(() => parseCronSchedule(schedule)).toThrow(message);
});
