import { CloudEvent } from 'cloudevents';
import { describe, expect, test } from 'vitest';
import { answerBindingsAffected, parseBindingsAffected, toBindingsAffected } from './bindings-affected.ts';

const affected = {
  from: 'map-pool',
  cause: { id: 'event-1' },
  bindings: [{ namespace: 'team-a', names: ['b', 'a'] }],
};
const event = { type: 'red.sonda.kleym.bindings.affected', source: '/kleym/map-pool', id: 'id' };

const mebibyte = 1024 * 1024;

function toLongName(index: number): string {
  return `${'n'.repeat(245)}-${String(index).padStart(7, '0')}`;
}

/** What the answer to a cause says, when a broker has carried it. */
function carry(cause: string, bindings: { namespace: string; names: string[] }[]) {
  const answer = answerBindingsAffected({ from: 'map-pool', cause: { id: cause }, bindings });
  if (answer.kind !== 'reply') throw new Error(`expected a reply, found ${answer.kind}`);
  const parsed = parseBindingsAffected(answer.event);
  const groups = parsed.kind === 'done' ? parsed.value : [];
  const size = JSON.stringify(answer.event.data).length;
  return { names: groups.flatMap(({ names }) => names), size, facts: answer.facts };
}

describe('the event that names affected bindings', () => {
  test('says who tells it, and which bindings of which namespace', () => {
    expect(toBindingsAffected(affected)).toMatchObject({
      specversion: '1.0',
      type: 'red.sonda.kleym.bindings.affected',
      source: '/kleym/map-pool',
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      datacontenttype: 'application/json',
      subject: 'team-a',
      partitionkey: 'team-a',
      correlationid: 'event-1',
      data: { bindings: [{ namespace: 'team-a', names: ['a', 'b'] }] },
    });
  });

  test('has the same id when it is told twice', () => {
    const again = { ...affected, bindings: [{ namespace: 'team-a', names: ['a', 'b', 'a'] }] };
    expect(toBindingsAffected(again).id).toBe(toBindingsAffected(affected).id);
  });

  // A Broker on JetStream drops an event whose id it has seen in the last two minutes, whatever its source.
  test('has another id than all events that it follows from', () => {
    const chain = ['event-1'];
    for (let hop = 0; hop < 10; hop += 1)
      chain.push(toBindingsAffected({ ...affected, cause: { id: chain.at(-1) ?? '' } }).id);
    expect(new Set(chain).size).toBe(11);
  });

  test.each([
    ['another cause', { cause: { id: 'event-2' } }],
    ['another function', { from: 'map-objective' }],
    ['other bindings', { bindings: [{ namespace: 'team-a', names: ['c'] }] }],
    [
      'a look at the whole namespace',
      { bindings: [{ namespace: 'team-a', names: ['a', 'b'], isWhole: true }] },
    ],
    ['a reason of their own', { bindings: [{ namespace: 'team-a', names: ['a', 'b'], hasOwnReason: true }] }],
  ])('has another id for %s', (_what, other) => {
    expect(toBindingsAffected({ ...affected, ...other }).id).not.toBe(toBindingsAffected(affected).id);
  });

  test('names each binding once, and namespaces and names in order', () => {
    const bindings = [
      { namespace: 'b', names: ['z', 'a', 'z'] },
      { namespace: 'a', names: ['B', 'a'] },
      { namespace: 'b', names: ['m'] },
      { namespace: 'c', names: [] },
    ];
    expect(toBindingsAffected({ ...affected, bindings }).data).toEqual({
      bindings: [
        { namespace: 'a', names: ['B', 'a'] },
        { namespace: 'b', names: ['a', 'm', 'z'] },
      ],
    });
  });

  test('has no subject and no partition key for several namespaces', () => {
    const bindings = [
      { namespace: 'a', names: ['x'] },
      { namespace: 'b', names: ['x'] },
    ];
    const several = toBindingsAffected({ ...affected, bindings });
    expect(several.subject).toBeUndefined();
    expect(several).not.toHaveProperty('partitionkey');
  });

  test('is an answer only where a binding is named', () => {
    expect(answerBindingsAffected(affected, { dropped: 1 })).toMatchObject({
      kind: 'reply',
      facts: { bindings: 2, dropped: 1 },
    });
    expect(answerBindingsAffected({ ...affected, bindings: [{ namespace: 'a', names: [] }] })).toEqual({
      kind: 'nothing',
      facts: { bindings: 0 },
    });
  });

  describe('stays below what a broker carries', () => {
    test('without leaving any of ten thousand names of an ordinary length', () => {
      const all = Array.from({ length: 10_000 }, (_, index) => `chat-${String(index).padStart(5, '0')}`);
      const { names, facts } = carry('event-1', [{ namespace: 'team-a', names: all }]);
      expect(names).toEqual(all);
      expect(facts).toEqual({ bindings: 10_000 });
    });

    test.each([
      ['of one namespace', () => 'team-a'],
      ['of a namespace each', (index: number) => `${'s'.repeat(55)}-${String(index).padStart(7, '0')}`],
    ])('with the longest names %s, and says how many it leaves to the sweep', (_which, toNamespace) => {
      const bindings = Array.from({ length: 5_000 }, (_, index) => ({
        namespace: toNamespace(index),
        names: [toLongName(index)],
      }));
      const { names, size, facts } = carry('event-1', bindings);
      expect(size).toBeLessThan(0.8 * mebibyte);
      expect(size).toBeGreaterThan(0.7 * mebibyte);
      expect(facts).toEqual({ bindings: names.length, leftToSweep: 5_000 - names.length });
    });

    test('with every second name for a reason of its own', () => {
      const bindings = Array.from({ length: 12_000 }, (_, index) => ({
        namespace: `${'s'.repeat(55)}-${String(index >> 1).padStart(7, '0')}`,
        names: [`n-${index}`],
        ...(index % 2 === 0 && { hasOwnReason: true }),
      }));
      const { size } = carry('event-1', bindings);
      expect(size).toBeLessThan(0.8 * mebibyte);
      expect(size).toBeGreaterThan(0.6 * mebibyte);
    });

    test('and begins at another place for another cause, so that what cannot settle never starves the rest', () => {
      const all = Array.from({ length: 5_000 }, (_, index) => toLongName(index));
      const causes = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
      const named = causes.map((cause) => carry(cause, [{ namespace: 'team-a', names: all }]).names);
      expect(new Set(named.flat()).size).toBe(5_000);
      expect(carry('a', [{ namespace: 'team-a', names: all }]).names).toEqual(named[0]);
    });
  });

  test('is read back as it was written', () => {
    expect(parseBindingsAffected(toBindingsAffected(affected))).toEqual({
      kind: 'done',
      value: [{ namespace: 'team-a', names: ['a', 'b'] }],
    });
  });

  test('says for which of them the whole namespace must be read', () => {
    const bindings = [
      { namespace: 'b', names: ['z'] },
      { namespace: 'a', names: ['y'], isWhole: true },
      { namespace: 'a', names: ['x', 'w'] },
      { namespace: 'a', names: ['v'], isWhole: true },
    ];
    expect(parseBindingsAffected(toBindingsAffected({ ...affected, bindings }))).toEqual({
      kind: 'done',
      value: [
        { namespace: 'a', names: ['w', 'x'] },
        { namespace: 'a', names: ['v', 'y'], isWhole: true },
        { namespace: 'b', names: ['z'] },
      ],
    });
  });

  test('says which of them need no look if they do not show any more why they are named', () => {
    const bindings = [
      { namespace: 'a', names: ['v'], isWhole: true },
      { namespace: 'b', names: ['z'] },
      { namespace: 'a', names: ['y'], hasOwnReason: true },
      { namespace: 'a', names: ['w'] },
      { namespace: 'b', names: ['z'], hasOwnReason: true },
      { namespace: 'a', names: ['x'], hasOwnReason: true },
      { namespace: 'a', names: ['u'], hasOwnReason: true, isWhole: true },
    ];
    expect(parseBindingsAffected(toBindingsAffected({ ...affected, bindings }))).toEqual({
      kind: 'done',
      value: [
        { namespace: 'a', names: ['w'] },
        { namespace: 'a', names: ['x', 'y'], hasOwnReason: true },
        { namespace: 'a', names: ['u', 'v'], isWhole: true },
        { namespace: 'b', names: ['z'] },
        { namespace: 'b', names: ['z'], hasOwnReason: true },
      ],
    });
  });

  test('belongs to one namespace, whether the whole of it must be read for all, for some or for none', () => {
    const some = [
      { namespace: 'a', names: ['x'] },
      { namespace: 'a', names: ['y'], isWhole: true },
    ];
    expect(toBindingsAffected({ ...affected, bindings: some })).toMatchObject({
      subject: 'a',
      partitionkey: 'a',
    });
  });

  test('is put in order where somebody else wrote it', () => {
    const data = {
      bindings: [
        { namespace: 'b', names: ['y', 'x', 'y'] },
        { namespace: 'a', names: ['x'] },
      ],
      more: true,
    };
    expect(parseBindingsAffected(new CloudEvent<unknown>({ ...event, data }))).toEqual({
      kind: 'done',
      value: [
        { namespace: 'a', names: ['x'] },
        { namespace: 'b', names: ['x', 'y'] },
      ],
    });
  });

  test.each([
    ['may be 50000', 50_000, 'done'],
    ['may not be more', 50_001, 'refused-event'],
  ])('the names in it %s', (_what, count, kind) => {
    const names = Array.from({ length: count - 1 }, (_, index) => index.toString(36));
    const bindings = [
      { namespace: 'a', names },
      { namespace: 'b', names: ['x'] },
    ];
    const parsed = parseBindingsAffected(new CloudEvent<unknown>({ ...event, data: { bindings } }));
    expect(parsed).toHaveProperty('kind', kind);
  });

  test('namespaces without names count as names, because each has to be read', () => {
    const bindings = Array.from({ length: 50_001 }, () => ({ namespace: 'a', names: [] }));
    expect(parseBindingsAffected(new CloudEvent<unknown>({ ...event, data: { bindings } }))).toMatchObject({
      kind: 'refused-event',
      found: '50001 names',
    });
  });

  test('is never written with more names than are read', () => {
    const names = Array.from({ length: 50_001 }, (_, index) => index.toString(36));
    const answer = answerBindingsAffected({ ...affected, bindings: [{ namespace: 'a', names }] });
    expect(answer).toHaveProperty('facts', { bindings: 50_000, leftToSweep: 1 });
    expect(answer.kind === 'reply' && parseBindingsAffected(answer.event)).toHaveProperty('kind', 'done');
  });

  test.each([
    ['of another type', { type: 'other', data: { bindings: [] } }, 'type "other"'],
    ['without data', {}, 'data: Invalid input: expected object, received undefined'],
    ['without bindings', { data: {} }, 'data.bindings: Invalid input: expected array, received undefined'],
    [
      'with no name',
      { data: { bindings: [{ namespace: 'a', names: [] }] } },
      'data.bindings.0.names: Too small: expected array to have >=1 items',
    ],
    [
      'with an empty name',
      { data: { bindings: [{ namespace: 'a', names: [''] }] } },
      'data.bindings.0.names.0: expected the name of a binding',
    ],
    [
      'with a name that is a path',
      { data: { bindings: [{ namespace: 'a', names: ['../b'] }] } },
      'data.bindings.0.names.0: expected the name of a binding',
    ],
    [
      'with a namespace that is a path',
      { data: { bindings: [{ namespace: 'a/b', names: ['b'] }] } },
      'data.bindings.0.namespace: expected the name of a namespace',
    ],
    [
      'with an empty namespace',
      { data: { bindings: [{ namespace: '', names: ['b'] }] } },
      'data.bindings.0.namespace: expected the name of a namespace',
    ],
  ])('%s is refused', (_what, attributes, found) => {
    const parsed = parseBindingsAffected(new CloudEvent<unknown>({ ...event, ...attributes }));
    expect(parsed).toMatchObject({ kind: 'refused-event', found, expected: expect.any(String) });
  });
});
