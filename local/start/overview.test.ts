import { expect, test } from 'vitest';
import { plain } from '../../cli/terminal/paint.ts';
import { toOverview } from './overview.ts';
import type { BindingRow } from './transitions.ts';

const ready: BindingRow = {
  binding: 'team-a/chat',
  mode: 'PerObjective',
  pool: 'llama',
  objective: 'chat',
  ready: 'True',
  reason: 'Reconciled',
  spiffeId: 'spiffe://example.org/ns/team-a/objective/chat',
  message: 'Binding reconciled',
};
const failed = {
  ...ready,
  ready: 'False',
  spiffeId: '',
  reason: 'TargetPoolNotFound',
  message: 'poolRef "p" was not found',
};
const colliding = {
  ...failed,
  binding: 'team-a/draft',
  reason: 'IdentityCollision',
  message: 'identity collision',
};
const waiting = {
  ...failed,
  binding: 'team-a/wait',
  ready: 'Unknown',
  reason: 'Waiting',
  message: 'binding b still holds them',
};
const unseen = { ...failed, binding: 'team-a/new', ready: '', reason: '', message: '' };
const terminal = { width: undefined, paint: plain };

test('what needs somebody comes first, with why, and the counts come last', () => {
  expect(toOverview([ready, waiting, unseen, colliding, { ...failed, binding: 'b/x' }], terminal)).toEqual([
    'BINDING        MODE           POOL    OBJECTIVE   READY     REASON               SPIFFE ID, OR WHY THERE IS NONE',
    'b/x            PerObjective   llama   chat        False     TargetPoolNotFound   poolRef "p" was not found',
    'team-a/draft   PerObjective   llama   chat        False     IdentityCollision    identity collision',
    'team-a/wait    PerObjective   llama   chat        Unknown   Waiting              binding b still holds them',
    'team-a/new     PerObjective   llama   chat',
    'team-a/chat    PerObjective   llama   chat        True      Reconciled           spiffe://example.org/ns/team-a/objective/chat',
    '1 ready, 1 refused, 1 colliding, 1 waiting, 1 new',
  ]);
});

test('a table ends where nobody would read on, and its counts are those of all', () => {
  const rows = Array.from({ length: 201 }, (_, index) => ({ ...ready, binding: `team-a/${index}` }));
  const lines = toOverview([...rows, colliding, { ...colliding, binding: 'team-a/z' }], terminal);
  expect(lines).toHaveLength(33);
  expect(lines.slice(1, 3).every((line) => line.includes('IdentityCollision'))).toBe(true);
  expect(lines.slice(-2)).toEqual(['… and 173 more', '201 ready, 2 colliding']);
});

test('no line is wider than the terminal', () => {
  const lines = toOverview([ready, failed], { ...terminal, width: 100 });
  expect(Math.max(...lines.map((line) => line.length))).toBe(100);
});

test('a cluster without bindings says so', () => {
  expect(toOverview([], terminal).at(-1)).toBe('no bindings');
});
