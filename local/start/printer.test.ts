import { describe, expect, test } from 'vitest';
import { colored, plain } from '../../cli/terminal/paint.ts';
import { createPrinter } from './printer.ts';
import type { BindingRow, Transition } from './transitions.ts';

const row: BindingRow = {
  binding: 'team-a/chat',
  mode: 'PerObjective',
  pool: 'llama',
  objective: 'chat',
  ready: 'True',
  reason: 'Reconciled',
  spiffeId: 'spiffe://example.org/ns/team-a/objective/chat',
  message: 'Binding reconciled',
};

function print(isTerminal: boolean, use: (printer: ReturnType<typeof createPrinter>) => void): string {
  const texts: string[] = [];
  const out = { write: (text: string) => texts.push(text) > 0 };
  const terminal = { width: undefined, paint: isTerminal ? colored : plain };
  // The time of day where the test runs.
  use(
    createPrinter(
      out,
      () => terminal,
      () => new Date(2026, 0, 2, 3, 4, 5, 678),
    ),
  );
  return texts.join('');
}

function printAll(printer: ReturnType<typeof createPrinter>): void {
  printer.transition({ kind: 'binding', row });
  printer.table([row]);
  printer.news({ source: 'pools', kind: 'missing', reason: 'x' });
}

describe('a transition is one line', () => {
  test.each<[Transition, string]>([
    [
      { kind: 'binding', row },
      '03:04:05  team-a/chat  Ready=True Reconciled  spiffe://example.org/ns/team-a/objective/chat\n',
    ],
    [
      {
        kind: 'binding',
        row: {
          ...row,
          ready: 'False',
          reason: 'TargetPoolNotFound',
          message: 'poolRef "llama" was not found',
        },
      },
      '03:04:05  team-a/chat  Ready=False TargetPoolNotFound  poolRef "llama" was not found\n',
    ],
    [{ kind: 'binding', row: { ...row, ready: '' } }, '03:04:05  team-a/chat  seen\n'],
    [{ kind: 'binding-gone', binding: 'team-a/chat' }, '03:04:05  team-a/chat  deleted\n'],
    [
      { kind: 'output', change: 'withdrawn', name: 'kleym-x', spiffeId: 'spiffe://example.org/x' },
      '03:04:05  withdrawn ClusterSPIFFEID kleym-x  spiffe://example.org/x\n',
    ],
  ])('%j', (transition, line) => {
    expect(print(false, (printer) => printer.transition(transition))).toBe(line);
  });
});

describe('a delivery is a line only where it did not work', () => {
  const delivery = {
    event: { attributes: {}, data: undefined } as never,
    trigger: 'reconcile',
    to: 'subscriber',
    attempt: 3,
    tookMs: 7,
    status: 503,
  } as const;

  test.each(['delivered', 'replied', 'abandoned'] as const)('not where it was %s', (outcome) => {
    expect(print(false, (printer) => printer.delivery({ ...delivery, outcome }))).toBe('');
  });

  test.each([
    [
      { outcome: 'will retry', attempt: 1, reason: 'answered 503' } as const,
      '03:04:05  reconcile: will retry, answer 503 (answered 503)\n',
    ],
    [{ outcome: 'will retry', attempt: 2, reason: 'answered 503' } as const, ''],
    [
      { outcome: 'dead lettered', attempt: 9 } as const,
      '03:04:05  reconcile: dead lettered, try 9, answer 503\n',
    ],
    [{ outcome: 'lost', status: undefined } as const, '03:04:05  reconcile: lost, try 3, answer none\n'],
  ])('%j', (more, line) => {
    expect(print(false, (printer) => printer.delivery({ ...delivery, ...more }))).toBe(line);
  });
});

test('a source is a line where it waits or is in trouble', () => {
  const text = print(false, (printer) => {
    printer.news({ source: 'pools', kind: 'watching' });
    printer.news({ source: 'pools', kind: 'missing', reason: 'its CRD is not installed' });
    printer.news({ source: 'pools', kind: 'refused', reason: 'no permission' });
  });
  expect(text).toBe(
    '03:04:05  source pools: waiting, its CRD is not installed\n03:04:05  source pools: refused, no permission\n',
  );
});

describe('colours', () => {
  const escape = String.fromCodePoint(27);

  test('are for terminals only', () => {
    expect(print(false, printAll)).not.toContain(escape);
    expect(print(true, printAll)).toContain(escape);
  });

  test.each([
    ['True', '[32m'],
    ['False', '[31m'],
    ['Unknown', '[33m'],
  ])('say how it is: Ready=%s', (ready, code) => {
    const text = print(true, (printer) => printer.transition({ kind: 'binding', row: { ...row, ready } }));
    expect(text).toContain(`${escape}${code}Ready=${ready}`);
  });
});
