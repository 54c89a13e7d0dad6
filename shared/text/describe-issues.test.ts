import { expect, test } from 'vitest';
import { z } from 'zod';
import { describeIssues } from './describe-issues.ts';

const Labels = z.record(z.string(), z.string());
const words = 'Invalid input: expected string, received number';

/** What is said of these labels. */
function say(labels: unknown, root?: string): string {
  const { error } = Labels.safeParse(labels);
  return error ? describeIssues(error, root) : 'nothing';
}

test('says where something is wrong, and what', () => {
  expect(say({ app: 1 })).toBe(`app: ${words}`);
  expect(say({ app: 1 }, 'data')).toBe(`data.app: ${words}`);
  expect(say(1)).toBe('Invalid input: expected record, received number');
});

test("says of a key, which is the sender's, 100 characters", () => {
  expect(say({ ['k'.repeat(100)]: 1 })).toBe(`${'k'.repeat(100)}: ${words}`);
  expect(say({ ['k'.repeat(101)]: 1 })).toBe(`${'k'.repeat(100)}…: ${words}`);
});

test('says of a message 200 characters', () => {
  const issue = { code: 'custom' as const, path: [], input: 1 };
  expect(describeIssues({ issues: [{ ...issue, message: 'm'.repeat(200) }] })).toBe('m'.repeat(200));
  expect(describeIssues({ issues: [{ ...issue, message: 'm'.repeat(201) }] })).toBe(`${'m'.repeat(200)}…`);
});

test('says three things of however many', () => {
  expect(say({ a: 1, b: 2, c: 3 }).split('; ')).toHaveLength(3);
  expect(say({ a: 1, b: 2, c: 3, d: 4 }).split('; ')).toHaveLength(3);
});
