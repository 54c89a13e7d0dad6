import { describe, expect, test } from 'vitest';
import { checkHistory } from './check-history.ts';
import { binding, output, poolBinding } from './manifests.ts';
import type { Manifest, Stored } from './kube-client.ts';
import type { RecordedWrite } from './write-recorder.ts';

const finalizer = 'kleym.sonda.red/inferenceidentitybinding-finalizer';
const nobody: ReadonlySet<string> = new Set();

function store(manifest: Manifest, uid: string, metadata: object = {}, status?: object): Stored {
  const base = {
    generation: 1,
    finalizers: [finalizer],
    ...manifest.metadata,
    uid,
    resourceVersion: '0',
    ...metadata,
  };
  return { ...manifest, metadata: base, ...(status && { status }) };
}

const ready = { type: 'Ready', status: 'True', reason: 'Reconciled', observedGeneration: 1 };
const isReady = { observedGeneration: 1, conditions: [ready] };
const isRefused = {
  observedGeneration: 1,
  conditions: [{ ...ready, status: 'False', reason: 'IdentityCollision' }],
};

const a = store(binding('a'), 'uid-a', {}, isReady);
const b = store(binding('b'), 'uid-b', {}, isReady);

/** The output of a binding, for a container. */
function outputOf(owner: string, container = 'main', app = 'one'): Stored {
  const spec = {
    podSelector: { matchLabels: { app } },
    workloadSelectorTemplates: [
      `k8s:container-name:${container}`,
      'k8s:ns:team',
      `k8s:pod-label:app:${app}`,
      'k8s:sa:sa',
    ],
    hint: `team/${owner}`,
  };
  const annotations = { 'kleym.sonda.red/binding-uid': `uid-${owner}` };
  return store(output(`kleym-team-${owner}`, spec, { annotations }), `uid-of-output-${owner}`, {
    finalizers: [],
  });
}

type Step = readonly [RecordedWrite['type'], Stored];

function replay(...steps: readonly Step[]) {
  const events = steps.map(([type, object], index): RecordedWrite => ({
    revision: index + 1,
    type,
    kind: object.kind === 'ClusterSPIFFEID' ? 'output' : 'binding',
    object,
  }));
  return checkHistory({ start: [], events }, nobody);
}

const created: readonly Step[] = [
  ['ADDED', a],
  ['ADDED', b],
  ['ADDED', outputOf('a')],
];

describe('checkHistory reports a history', () => {
  test.each<[string, readonly Step[], string]>([
    [
      'in which two outputs hold one key',
      [...created, ['ADDED', outputOf('b')]],
      'at 4: kleym-team-a and kleym-team-b both have',
    ],
    [
      'in which an output moves to a key that is held',
      [...created, ['ADDED', outputOf('b', 'other')], ['MODIFIED', outputOf('b')]],
      'at 5: kleym-team-a and kleym-team-b both have',
    ],
    [
      'in which a binding is refused while its output lives',
      [...created, ['MODIFIED', { ...a, status: isRefused }]],
      'at 4: a is refused, and kleym-team-a lives',
    ],
    [
      'in which an output appears while its binding is refused',
      [
        ['ADDED', { ...a, status: isRefused }],
        ['ADDED', outputOf('a')],
      ],
      'at 2: a is refused, and kleym-team-a lives',
    ],
    [
      'in which the finalizer goes while the output lives',
      [...created, ['MODIFIED', store(binding('a'), 'uid-a', { finalizers: [] }, isReady)]],
      'at 4: kleym-team-a lives, and a has no finalizer',
    ],
    [
      'in which a binding goes before its output',
      [...created, ['DELETED', store(binding('a'), 'uid-a', { deletionTimestamp: 'now' })]],
      'at 4: kleym-team-a lives, and its binding is gone',
    ],
    [
      'in which an output appears for a binding that is gone',
      [
        ['ADDED', a],
        ['DELETED', store(binding('a'), 'uid-a', { deletionTimestamp: 'now' })],
        ['ADDED', outputOf('a')],
      ],
      'at 3: kleym-team-a lives, and its binding is gone',
    ],
    [
      'in which an output appears for the predecessor of a binding',
      [
        ['ADDED', store(binding('a'), 'uid-of-the-next')],
        ['ADDED', outputOf('a')],
      ],
      'at 2: kleym-team-a lives, and its binding is gone',
    ],
    [
      'in which an output appears before the finalizer',
      [
        ['ADDED', store(binding('a'), 'uid-a', { finalizers: [] })],
        ['ADDED', outputOf('a')],
      ],
      'at 2: kleym-team-a lives, and a has no finalizer',
    ],
    [
      'in which a generation is observed before it is there',
      [['ADDED', store(binding('a'), 'uid-a', {}, { observedGeneration: 2 })]],
      'at 1: a observed generation 2 before it was there',
    ],
    [
      'in which two swap their keys, one after the other',
      [
        ...created,
        ['ADDED', outputOf('b', 'other')],
        ['MODIFIED', outputOf('a', 'other')],
        ['MODIFIED', outputOf('b')],
      ],
      'at 5: kleym-team-a and kleym-team-b both have',
    ],
  ])('%s', (_case, steps, violation) => {
    expect(replay(...steps).violations).toEqual([expect.stringContaining(violation)]);
  });

  test.each<[string, Step, string]>([
    [
      'written',
      ['MODIFIED', store(output('somebody'), 'uid', { managedFields: [{ manager: 'kleym' }] })],
      'was written',
    ],
    ['deleted', ['DELETED', store(output('somebody'), 'uid')], 'was deleted'],
  ])('in which what belongs to somebody else was %s', (_case, [type, object], violation) => {
    const start: RecordedWrite[] = [
      { revision: 1, type: 'ADDED', kind: 'output', object: store(output('somebody'), 'uid') },
    ];
    const events: RecordedWrite[] = [{ revision: 2, type, kind: 'output', object }];
    const { violations } = checkHistory({ start, events }, new Set(['somebody']));
    expect(violations).toEqual([`at 2: somebody belongs to somebody else and ${violation}`]);
  });

  test('that breaks a promise with what was there when it began', () => {
    const start: RecordedWrite[] = [a, b, outputOf('a')].map((object, index) => ({
      revision: index,
      type: 'ADDED',
      kind: object.kind === 'ClusterSPIFFEID' ? 'output' : 'binding',
      object,
    }));
    const events: RecordedWrite[] = [{ revision: 9, type: 'ADDED', kind: 'output', object: outputOf('b') }];
    expect(checkHistory({ start, events }, nobody).violations).toHaveLength(1);
  });
});

describe('checkHistory accepts a history', () => {
  test.each<[string, readonly Step[]]>([
    [
      'where one output goes before the other comes',
      [...created, ['DELETED', outputOf('a')], ['ADDED', outputOf('b')]],
    ],
    ['where containers differ', [...created, ['ADDED', outputOf('b', 'other')]]],
    ['where pods differ', [...created, ['ADDED', outputOf('b', 'main', 'two')]]],
    [
      'where the refusal is about an older generation',
      [...created, ['MODIFIED', store(binding('a'), 'uid-a', { generation: 2 }, isRefused)]],
    ],
    [
      'where the output goes first',
      [...created, ['DELETED', outputOf('a')], ['MODIFIED', { ...a, status: isRefused }]],
    ],
    [
      'where PoolOnly bindings share their pods',
      [
        ['ADDED', store(poolBinding('a'), 'uid-a')],
        ['ADDED', store(poolBinding('b'), 'uid-b')],
        [
          'ADDED',
          {
            ...outputOf('a'),
            spec: { podSelector: {}, workloadSelectorTemplates: ['k8s:ns:team', 'k8s:sa:sa'] },
          },
        ],
        [
          'ADDED',
          {
            ...outputOf('b'),
            spec: { podSelector: {}, workloadSelectorTemplates: ['k8s:ns:team', 'k8s:sa:sa'] },
          },
        ],
      ],
    ],
  ])('%s', (_case, steps) => {
    expect(replay(...steps).violations).toEqual([]);
  });

  test('where a deletion raced the first finalizer, and says so', () => {
    const found = replay(...created, ['DELETED', a], ['ADDED', outputOf('b')], ['DELETED', outputOf('a')]);
    expect(found).toMatchObject({ violations: [], raced: 1 });
  });
});

test('checkHistory counts what a history shows', () => {
  const { seen } = replay(
    ...created,
    ['MODIFIED', outputOf('a', 'other')],
    ['DELETED', outputOf('a', 'other')],
    ['MODIFIED', { ...a, status: isRefused }],
    ['DELETED', { ...a, metadata: { ...a.metadata, deletionTimestamp: 'now' } }],
  );
  expect(seen).toEqual({ created: 1, moved: 1, withdrawn: 1, refused: 1, released: 1, foreign: 0 });
});
