import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import type { Announcement } from '../../shared/api/announcement.ts';
import type { Written } from '../../shared/kube/cluster.ts';
import { createAnnouncer } from './announcer.ts';

const news = ['first', 'second'].map((name): Announcement => ({
  name,
  binding: {
    metadata: { name: 'b', namespace: 'team-a', uid: 'u', resourceVersion: '1' },
    spec: { poolRef: { name: 'p' }, serviceAccountName: 's' },
  },
  type: 'Normal',
  reason: 'Reconciled',
  message: 'reconciled',
}));

function announcerFor(answer: () => Promise<Written<undefined>>, elapsed: () => number = () => 0) {
  const told: string[] = [];
  const lines: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  const cluster = {
    announce: async ({ name }: Announcement) => {
      told.push(name);
      return answer();
    },
  };
  return {
    announcer: createAnnouncer(cluster, log, elapsed),
    told,
    logged: () => lines.map((line) => (JSON.parse(line) as { msg: string }).msg),
  };
}

describe('an announcer', () => {
  test('tells everything, and waits only where it is asked to', async () => {
    const { announcer, told, logged } = announcerFor(async () => ({ kind: 'written', object: undefined }));
    announcer.tell(news);
    await announcer.told();
    expect(told).toEqual(['first', 'second']);
    expect(logged()).toEqual([]);
  });

  test('keeps nobody waiting for long where an API server hardly answers: what is old by then is not told', async () => {
    let now = 0;
    const answer = async (): Promise<Written<undefined>> => {
      now += 3_000;
      return { kind: 'written', object: undefined };
    };
    const { announcer, told, logged } = announcerFor(answer, () => now);
    announcer.tell(Array.from({ length: 10 }, () => news).flat());
    await announcer.told();
    expect(told).toHaveLength(4);
    expect(new Set(logged())).toEqual(new Set(['event not written in time']));
  });

  test.each([
    ['was told before', async (): Promise<Written<undefined>> => ({ kind: 'exists' }), []],
    [
      'is refused, as in a namespace that ends',
      async (): Promise<Written<undefined>> => ({ kind: 'rejected', forbidden: true, message: 'no' }),
      ['event refused', 'event refused'],
    ],
    [
      'does not come through',
      async (): Promise<Written<undefined>> => Promise.reject(new Error('no connection')),
      ['event not written', 'event not written'],
    ],
  ])('never fails where an event %s', async (_case, answer, logged) => {
    const { announcer, ...seen } = announcerFor(answer);
    announcer.tell(news);
    await expect(announcer.told()).resolves.toBeUndefined();
    expect(seen.logged()).toEqual(logged);
  });
});
