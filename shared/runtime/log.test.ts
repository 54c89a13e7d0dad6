import { describe, expect, test } from 'vitest';
import { createLog, toLoggedError } from './log.ts';

/** The lines that are told to a log. */
function write(tell: (log: ReturnType<typeof createLog>) => void, level: 'info' | 'warn' = 'info') {
  const lines: string[] = [];
  tell(createLog({ service: 'reconcile', level }, { write: (line) => void lines.push(line) }));
  return lines.map((line): unknown => JSON.parse(line));
}

describe('a log line', () => {
  test('is JSON with a level by name, an ISO time and the service', () => {
    expect(write((log) => log.info({ bindings: 3 }, 'handled'))).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        service: 'reconcile',
        bindings: 3,
        msg: 'handled',
      },
    ]);
  });

  test('below the level is not written', () => {
    expect(write((log) => log.info('handled'), 'warn')).toEqual([]);
  });

  test('has of an error its name, words, place and causes, and nothing that hangs on it', () => {
    const cause = Object.assign(new Error('refused'), { request: { headers: { authorization: 'x' } } });
    const error = Object.assign(new TypeError('broken', { cause }), { body: '{"kind":"Secret"}' });
    expect(write((log) => log.error({ err: error }, 'failed'))).toMatchObject([
      {
        err: {
          type: 'TypeError',
          message: 'broken',
          at: expect.any(Array),
          cause: { type: 'Error', message: 'refused' },
        },
      },
    ]);
    expect(JSON.stringify(write((log) => log.error({ err: error }, 'failed')))).not.toMatch(
      /Secret|authorization/,
    );
  });
});

function toFrame(length: number): string {
  return 'at '.padEnd(length, 'f');
}

describe('an error for the log', () => {
  test('is cut where its causes never end', () => {
    const error = new Error('loop');
    error.cause = error;
    expect(JSON.stringify(toLoggedError(error)).match(/loop/g)).toHaveLength(5);
  });

  test('has 100 characters of its name and 300 of each frame', () => {
    const error = (name: number, frame: number) =>
      Object.assign(new Error('m'), { name: 'n'.repeat(name), stack: `Error: m\n    ${toFrame(frame)}` });
    expect(toLoggedError(error(100, 300))).toEqual({
      type: 'n'.repeat(100),
      message: 'm',
      at: [toFrame(300)],
    });
    expect(toLoggedError(error(101, 301))).toEqual({
      type: `${'n'.repeat(100)}…`,
      message: 'm',
      at: [`${toFrame(300)}…`],
    });
  });

  test('has no frames that only its message says', () => {
    const { at } = toLoggedError(new Error(`first\n    at ${'x'.repeat(10_000)}\n    at y`));
    expect(at?.join('\n')).toContain('log.test.ts');
    expect(at?.join('\n')).not.toMatch(/xxx|at y/);
  });

  test.each([
    ['a text', 'broken', { type: 'string', message: 'broken' }],
    ['nothing', undefined, { type: 'undefined', message: 'undefined' }],
  ])('may be %s', (_what, thrown, logged) => {
    expect(toLoggedError(thrown)).toEqual(logged);
  });
});
