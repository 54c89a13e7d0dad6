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

test('where that is not enough, the columns behind the first are left out', () => {
  const terminal = { width: 34, paint: plain };
  const head = ['BINDING', 'POOL', 'READY', 'SPIFFE ID'];
  const wide = rows.map(({ cells: [binding = '', ...cells] }) => ({
    cells: [binding, 'llama-large', ...cells],
  }));
  expect(toTable(head, wide, terminal)).toEqual([
    'BINDING       READY   SPIFFE ID',
    'team-a/chat   True    spiffe://ex…',
    'team-a/x              b',
  ]);
  expect(toTable(head, wide, { ...terminal, width: 12 })).toEqual(['BINDING', 'team-a/chat', 'team-a/x']);
});
