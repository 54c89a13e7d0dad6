import { expect, test } from 'vitest';
import { createLargeAccounts } from './large-accounts.ts';

test('a large account is remembered for a minute', () => {
  let now = 0;
  const accounts = createLargeAccounts(() => now);
  accounts.add('team-a', 'sa');
  now = 59_999;
  expect(accounts.has('team-a', 'sa')).toBe(true);
  expect(accounts.has('team-b', 'sa')).toBe(false);
  now = 60_000;
  expect(accounts.has('team-a', 'sa')).toBe(false);
});

test('a thousand are remembered; one more is, in place of them', () => {
  const accounts = createLargeAccounts(() => 0);
  for (let index = 0; index < 1000; index++) accounts.add('team-a', `sa-${index}`);
  expect(accounts.has('team-a', 'sa-0')).toBe(true);
  accounts.add('team-a', 'sa-1000');
  expect([accounts.has('team-a', 'sa-0'), accounts.has('team-a', 'sa-1000')]).toEqual([false, true]);
});
