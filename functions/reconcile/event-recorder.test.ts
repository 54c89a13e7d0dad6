import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import type { EventRecord } from '../../shared/api/event-record.ts';
import type { WriteResult } from '../../shared/kube/cluster.ts';
import { createEventRecorder } from './event-recorder.ts';

const news = ['first', 'second'].map((name): EventRecord => ({
  name,
  binding: {
    metadata: { name: 'b', namespace: 'team-a', uid: 'u', resourceVersion: '1' },
    spec: { poolRef: { name: 'p' }, serviceAccountName: 's' },
  },
  type: 'Normal',
  reason: 'Reconciled',
  message: 'reconciled',
}));

function recorderFor(answer: () => Promise<WriteResult<undefined>>, elapsed: () => number = () => 0) {
  const written: string[] = [];
  const lines: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  const cluster = {
    createEvent: async ({ name }: EventRecord) => {
      written.push(name);
      return answer();
    },
  };
  return {
    recorder: createEventRecorder(cluster, log, elapsed),
    written,
    logged: () => lines.map((line) => (JSON.parse(line) as { msg: string }).msg),
  };
}

describe('an event recorder', () => {
  test('writes every record, and waits only where it is asked to', async () => {
    const { recorder, written, logged } = recorderFor(async () => ({ kind: 'written', object: undefined }));
    recorder.record(news);
    await recorder.flush();
    expect(written).toEqual(['first', 'second']);
    expect(logged()).toEqual([]);
  });

  test('keeps nobody waiting for long where an API server hardly answers: what is old by then is not written', async () => {
    let now = 0;
    const answer = async (): Promise<WriteResult<undefined>> => {
      now += 3_000;
      return { kind: 'written', object: undefined };
    };
    const { recorder, written, logged } = recorderFor(answer, () => now);
    recorder.record(Array.from({ length: 10 }, () => news).flat());
    await recorder.flush();
    expect(written).toHaveLength(4);
    expect(new Set(logged())).toEqual(new Set(['event not written in time']));
  });

  test.each([
    ['exists', async (): Promise<WriteResult<undefined>> => ({ kind: 'exists' }), []],
    [
      'is refused, as in a namespace that ends',
      async (): Promise<WriteResult<undefined>> => ({ kind: 'rejected', forbidden: true, message: 'no' }),
      ['event refused', 'event refused'],
    ],
    [
      'does not come through',
      async (): Promise<WriteResult<undefined>> => Promise.reject(new Error('no connection')),
      ['event not written', 'event not written'],
    ],
  ])('never fails where an event %s', async (_case, answer, logged) => {
    const { recorder, ...seen } = recorderFor(answer);
    recorder.record(news);
    await expect(recorder.flush()).resolves.toBeUndefined();
    expect(seen.logged()).toEqual(logged);
  });
});
