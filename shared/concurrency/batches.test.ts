import { describe, expect, test } from 'vitest';
import { type Span, currentSpan, runIn } from '../telemetry/span.ts';
import { createBatches } from './batches.ts';

/** Work that goes on until the test says so. */
function heldWork(rest?: (names: readonly string[]) => Promise<void>) {
  const runs: {
    key: string;
    names: readonly string[];
    finish: (result: string) => void;
    fail: (error: Error) => void;
  }[] = [];
  const batches = createBatches<string>((key, names) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    runs.push({ key, names, finish: resolve, fail: reject });
    return promise;
  }, rest);
  return { batches, runs, begun: () => runs.map(({ key, names }) => `${key}: ${names.join(' ')}`) };
}

const tick = () => new Promise((resolve) => void setImmediate(resolve));

describe('batches', () => {
  test('run one after another for one key, and what is asked for meanwhile runs together', async () => {
    const { batches, runs, begun } = heldWork();
    const first = batches.ask('team-a', ['x']);
    await tick();
    const second = batches.ask('team-a', ['y', 'z']);
    const third = batches.ask('team-a', ['z', 'x']);
    await tick();
    expect(begun()).toEqual(['team-a: x']);
    runs[0]?.finish('one');
    await tick();
    expect(begun()).toEqual(['team-a: x', 'team-a: y z x']);
    runs[1]?.finish('two');
    expect(await Promise.all([first, second, third])).toEqual(['one', 'two', 'two']);
  });

  test('wait for a rest after the one before, and take what comes in it', async () => {
    const rest = Promise.withResolvers<void>();
    const { batches, runs, begun } = heldWork(() => rest.promise);
    const first = batches.ask('team-a', ['a']);
    await tick();
    void batches.ask('team-a', ['b']);
    runs[0]?.finish('one');
    expect(await first).toBe('one');
    void batches.ask('team-a', ['c']);
    await tick();
    expect(begun()).toEqual(['team-a: a']);
    rest.resolve();
    await tick();
    expect(begun()).toEqual(['team-a: a', 'team-a: b c']);
  });

  test('may have a rest that depends on what was in them', async () => {
    const rested: (readonly string[])[] = [];
    const { batches, runs } = heldWork(async (names) => void rested.push(names));
    const first = batches.ask('team-a', ['a']);
    await tick();
    const second = batches.ask('team-a', ['b', 'c']).catch(() => 'failed');
    runs[0]?.finish('one');
    await first;
    await tick();
    runs[1]?.fail(new Error('no'));
    expect(await second).toBe('failed');
    await tick();
    expect(rested).toEqual([['a'], ['b', 'c']]);
  });

  test('of different keys run side by side', async () => {
    const { batches, begun } = heldWork();
    void batches.ask('team-a', ['x']);
    void batches.ask('team-b', ['x']);
    await tick();
    expect(begun()).toEqual(['team-a: x', 'team-b: x']);
  });

  test('that fail do so for those who asked for them, and the next one runs all the same', async () => {
    const { batches, runs } = heldWork();
    const first = batches.ask('team-a', ['x']);
    const failure = first.catch((error: Error) => error.message);
    await tick();
    const second = batches.ask('team-a', ['y']);
    runs[0]?.fail(new Error('no'));
    expect(await failure).toBe('no');
    await tick();
    runs[1]?.finish('yes');
    expect(await second).toBe('yes');
  });

  test('begin anew when nothing runs any more', async () => {
    const { batches, runs, begun } = heldWork();
    for (const name of ['x', 'y', 'z']) {
      const result = batches.ask('team-a', [name]);
      await tick();
      runs.at(-1)?.finish('done');
      await result;
      await tick();
    }
    expect(begun()).toEqual(['team-a: x', 'team-a: y', 'team-a: z']);
  });
});

/** A span that knows to which others it was linked. */
function linkableSpan(spanId: string) {
  const links: string[] = [];
  const span: Span = {
    context: { traceId: 'a'.repeat(32), spanId, flags: '01' },
    startCall: () => undefined,
    addLink: (other) => void links.push(other.spanId),
    end: () => undefined,
  };
  return { span, links };
}

describe('the trace of a batch', () => {
  test('is that of the request that opened it, and the others are linked to it', async () => {
    const spans: (string | undefined)[] = [];
    const held = Promise.withResolvers<undefined>();
    const batches = createBatches(async () => {
      spans.push(currentSpan()?.context.spanId);
      await held.promise;
      spans.push(currentSpan()?.context.spanId);
    });
    const [first, second, third] = ['1', '2', '3'].map(linkableSpan);
    const ask = (one: typeof first) => runIn(one?.span, batches.ask, 'k', ['n']);
    const begun = ask(first);
    await tick();
    const asked = [begun, ask(second), ask(third)];
    held.resolve(undefined);
    await Promise.all(asked);
    expect(spans).toEqual(['1', '1', '2', '2']);
    expect([first, second, third].map((one) => one?.links)).toEqual([[], [], ['2']]);
  });
});
