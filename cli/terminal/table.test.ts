import { expect, test } from 'vitest';
import { plain } from './paint.ts';
import { toTable } from './table.ts';

const rows = [
  { cells: ['team-a/chat', 'True', 'spiffe://example.org/ns/team-a/objective/chat'] },
  { cells: ['team-a/x', '', 'b'] },
];

test('columns are as wide as what stands in them', () => {
  expect(toTable(['BINDING', 'READY', 'SPIFFE ID'], rows, { width: undefined, paint: plain })).toEqual([
    'BINDING       READY   SPIFFE ID',
    'team-a/chat   True    spiffe://example.org/ns/team-a/objective/chat',
    'team-a/x              b',
  ]);
});

test('the widest column gives way to the terminal', () => {
  const lines = toTable(['BINDING', 'READY', 'SPIFFE ID'], rows, { width: 40, paint: plain });
  expect(lines).toEqual([
    'BINDING       READY   SPIFFE ID',
    'team-a/chat   True    spiffe://example.…',
    'team-a/x              b',
  ]);
  expect(Math.max(...lines.map((line) => line.length))).toBe(40);
});
