import { describe, expect, test } from 'vitest';
import { Binding } from '../../shared/api/binding.ts';
import type { Output } from '../../shared/api/cluster-spiffe-id.ts';
import { toContentDigest } from '../../shared/identity/content.ts';
import { toLabelValue } from '../../shared/identity/label-value.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';
import { UncertainError } from '../../shared/api/uncertain-error.ts';
import { type StoredObjects, storedCluster } from '../../test/support/stored-cluster.ts';
import { type Answered, postEvent, silentApp } from '../../test/support/post-event.ts';
import { mapOutput } from './map-output.ts';

const longName = `${'very-'.repeat(20)}long`;
const nothing: Answered = { status: 204 };

interface Parts {
  readonly name?: string;
  readonly labels?: Record<string, string>;
  readonly annotations?: Record<string, string>;
  readonly hint?: string | undefined;
  readonly metadata?: object;
}

const labels = {
  'kleym.sonda.red/managed-by': 'kleym',
  'kleym.sonda.red/binding-name': 'b',
  'kleym.sonda.red/binding-namespace': 'team-a',
};
const annotations = { 'kleym.sonda.red/binding-name': 'b', 'kleym.sonda.red/binding-uid': 'ub' };

/** An output as we wrote it, but for what is said otherwise: its digest is not that of these contents. */
function drifted(parts: Parts = {}): Output {
  const { name = 'kleym-team-a-b-pool-12345678', hint = 'team-a/b' } = parts;
  return {
    metadata: {
      name,
      uid: 'uo',
      resourceVersion: '9',
      generation: 1,
      labels: parts.labels ?? labels,
      annotations: {
        ...(parts.annotations ?? annotations),
        'kleym.sonda.red/content': 'of-what-was-there-before',
      },
      ...parts.metadata,
    },
    spec: {
      spiffeIDTemplate: 'spiffe://example.org/ns/team-a/pool/p',
      fallback: false,
      ...('hint' in parts ? parts.hint !== undefined && { hint } : { hint }),
    },
  };
}

/** The same with the digest of its contents. */
function asWritten(parts: Parts = {}): Output {
  const output = drifted(parts);
  const content = { 'kleym.sonda.red/content': toContentDigest(output) };
  return {
    ...output,
    metadata: { ...output.metadata, annotations: { ...output.metadata.annotations, ...content } },
  };
}

/** Of a cluster this mapper reads nothing but single bindings and outputs. */
function world(stored: Partial<StoredObjects> = {}) {
  return storedCluster(stored, { only: ['get binding', 'get output'] });
}

interface Told {
  readonly verb?: string;
  readonly mode?: string;
}

function post(
  output: { readonly metadata: Output['metadata']; readonly [field: string]: unknown },
  { verb = 'update', mode = 'resource' }: Told = {},
  cluster: Cluster = world().cluster,
) {
  const { name } = output.metadata;
  const type = `dev.knative.apiserver.${mode}.${verb}`;
  const attributes = {
    type,
    apiversion: 'spire.spiffe.io/v1alpha1',
    kind: 'ClusterSPIFFEID',
    name,
    namespace: '',
  };
  const data = mode === 'resource' ? output : { kind: 'ClusterSPIFFEID', name };
  return postEvent(silentApp(mapOutput(cluster)), { attributes, data });
}

function add(output: Output, cluster: Cluster) {
  return post(output, { verb: 'add' }, cluster);
}

function names(...list: string[]): Answered {
  return { status: 200, bindings: [{ namespace: 'team-a', names: list }] };
}

describe('an output that says what we wrote', () => {
  test('is no news, however often its status is written', async () => {
    expect(await post(asWritten())).toEqual(nothing);
    expect(await post({ ...asWritten(), status: { stats: { entriesToSet: 3 } } })).toEqual(nothing);
  });

  test('is no news when others add to it', async () => {
    const output = asWritten();
    expect(await post({ ...output, spec: { ...output.spec, ttl: '1h' } })).toEqual(nothing);
  });

  test('is news when it is deleted', async () => {
    expect(await post(asWritten(), { verb: 'delete' })).toEqual(names('b'));
  });

  test('is news when it waits for finalizers', async () => {
    expect(await post(asWritten({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }))).toEqual(
      names('b'),
    );
  });
});

function binding(claim?: object, metadata: object = {}): Binding {
  return Binding.parse({
    metadata: { name: 'b', namespace: 'team-a', uid: 'ub', resourceVersion: '3', ...metadata },
    spec: { poolRef: { name: 'p' }, serviceAccountName: 'sa' },
    status: { claim },
  });
}

describe('a new output that says what we wrote', () => {
  const confirming = { kind: 'owning', name: asWritten().metadata.name, serviceAccountName: 'sa', uid: 'uo' };
  const post = (bindings: StoredObjects['bindings'], one = asWritten()) =>
    add(one, world({ bindings }).cluster);

  test('is no news when its binding has confirmed it', async () => {
    expect(await post([binding(confirming)])).toEqual(nothing);
  });

  test.each<[string, Binding[]]>([
    ['its binding is gone: the POST of a dead run has landed', []],
    ['its binding is another one of the same name by now', [binding(confirming, { uid: 'another' })]],
    ['its binding has confirmed another output', [binding({ ...confirming, uid: 'another' })]],
    ['its binding has given up its claim', [binding()]],
    [
      'its binding has only announced it: who would confirm it may be dead',
      [binding({ ...confirming, kind: 'creating', nonce: 'n', at: '2026-01-01T00:00:00Z' })],
    ],
    ['its binding is about to move it', [binding({ ...confirming, kind: 'replacing', base: '9' })]],
  ])('is news when %s', async (_what, bindings) => {
    expect(await post(bindings)).toEqual(names('b'));
  });

  test('is news when bindings are not installed', async () => {
    expect(await post('unserved')).toEqual(names('b'));
  });

  test('is news to all whom it names, without a look at any', async () => {
    const two = asWritten({ labels: { ...labels, 'kleym.sonda.red/binding-name': 'c' } });
    const { cluster, calls } = world();
    expect(await add(two, cluster)).toEqual(names('b', 'c'));
    expect(calls).toEqual([]);
  });

  test('costs one look at one binding', async () => {
    const { cluster, calls } = world({ bindings: [binding(confirming)] });
    await add(asWritten(), cluster);
    expect(calls).toEqual(['get binding b in team-a']);
  });

  test.each([
    ['no look at any where it came soon after it was sent', '2026-01-01T00:00:07Z', nothing, []],
    ['a look where it came late', '2026-01-01T00:00:08Z', names('b'), ['get binding b in team-a']],
    ['a look where it came before', '2025-12-31T23:59:59Z', names('b'), ['get binding b in team-a']],
    ['a look where nobody can tell when it came', undefined, names('b'), ['get binding b in team-a']],
  ])('costs %s', async (_case, creationTimestamp, answer, expected) => {
    const { cluster, calls } = world();
    const sent = { ...annotations, 'kleym.sonda.red/sent-at': '2026-01-01T00:00:00Z' };
    const output = asWritten({ annotations: sent });
    const metadata = { ...output.metadata, ...(creationTimestamp && { creationTimestamp }) };
    expect(await add({ ...output, metadata }, cluster)).toEqual(answer);
    expect(calls).toEqual(expected);
  });

  test('must come again when the API server does not answer', async () => {
    const cluster = { ...world().cluster, getBinding: () => Promise.reject(new UncertainError('timed out')) };
    expect(await add(asWritten(), cluster)).toHaveProperty('status', 503);
  });
});

describe('an output that says anything else', () => {
  test('names the binding in its labels', async () => {
    expect(await post(drifted())).toEqual(names('b'));
  });

  test('is found out by any field of ours', async () => {
    const output = asWritten();
    const edited = [
      { ...output, spec: { ...output.spec, spiffeIDTemplate: 'spiffe://example.org/admin' } },
      { ...output, spec: { ...output.spec, fallback: true } },
      { ...output, metadata: { ...output.metadata, annotations } },
    ];
    for (const one of edited) expect(await post(one)).toEqual(names('b'));
  });

  test.each([
    ['has no spec', { metadata: drifted().metadata }],
    ['has a hint that is no text', { ...drifted(), spec: { hint: 5 } }],
  ])('names the binding in its labels when it %s', async (_what, object) => {
    expect(await post(object)).toEqual(names('b'));
  });

  test('names a binding whose name is too long for a label', async () => {
    const output = drifted({
      labels: { ...labels, 'kleym.sonda.red/binding-name': toLabelValue(longName) },
      annotations: { 'kleym.sonda.red/binding-name': longName },
      hint: `team-a/${longName}`,
    });
    expect(await post(output)).toEqual(names(longName));
  });

  test.each<[string, Parts, string[]]>([
    ['the annotation is gone', { annotations: {} }, ['b']],
    ['the hint is gone', { hint: undefined }, ['b']],
    ['the hint is no hint of ours', { hint: 'some/thing/else' }, ['b']],
    ['the hint names nobody', { hint: '../..' }, ['b']],
    ['the labels are gone, and only its name tells that it is ours', { labels: {} }, ['b']],
    ['the label of the name is gone', { labels: { ...labels, 'kleym.sonda.red/binding-name': '' } }, ['b']],
    [
      'the label of the name is changed',
      { labels: { ...labels, 'kleym.sonda.red/binding-name': 'c' } },
      ['b', 'c'],
    ],
    ['the annotation is changed', { annotations: { 'kleym.sonda.red/binding-name': 'c' } }, ['b', 'c']],
    ['the hint is changed', { hint: 'team-a/c' }, ['b', 'c']],
    [
      'all of them differ',
      {
        labels: { ...labels, 'kleym.sonda.red/binding-name': 'd' },
        annotations: { 'kleym.sonda.red/binding-name': 'c' },
      },
      ['b', 'c', 'd'],
    ],
    ['its name is a foreign one', { name: 'mine' }, ['b']],
    [
      'the label of the name cannot be a name',
      { labels: { ...labels, 'kleym.sonda.red/binding-name': 'B_' } },
      ['b'],
    ],
  ])('names all that it may belong to when %s', async (_what, parts, expected) => {
    expect(await post(drifted(parts))).toEqual(names(...expected));
  });

  test('names both when the label of the namespace and the hint differ', async () => {
    const changed = { ...labels, 'kleym.sonda.red/binding-namespace': 'team-b' };
    expect(await post(drifted({ labels: changed }))).toEqual({
      status: 200,
      bindings: [
        { namespace: 'team-a', names: ['b'] },
        { namespace: 'team-b', names: ['b'] },
      ],
    });
  });

  test('names the annotated binding in the namespace of the hint when its labels and half of the hint are gone', async () => {
    const output = drifted({
      labels: {},
      annotations: { 'kleym.sonda.red/binding-name': longName },
      hint: 'team-a/b',
    });
    expect(await post(output)).toEqual(names('b', longName));
  });

  test('is left to the sweep when nothing tells whose it is', async () => {
    expect(await post(drifted({ labels: {}, annotations: {}, hint: undefined }))).toEqual(nothing);
  });

  test('is none of ours without our label and our prefix', async () => {
    expect(await post(drifted({ name: 'theirs', labels: {} }))).toEqual(nothing);
    expect(
      await post(drifted({ name: 'theirs', labels: { ...labels, 'kleym.sonda.red/managed-by': 'other' } }), {
        verb: 'delete',
      }),
    ).toEqual(nothing);
  });
});

describe('an output of which only the name is told', () => {
  const { name } = drifted().metadata;

  test('is read', async () => {
    const { cluster, calls } = world({ outputs: [drifted()] });
    expect(await post(drifted(), { mode: 'ref' }, cluster)).toEqual(names('b'));
    expect(calls).toEqual([`get output ${name}`]);
  });

  test('is no news when it says what we wrote', async () => {
    expect(await post(drifted(), { mode: 'ref' }, world({ outputs: [asWritten()] }).cluster)).toEqual(
      nothing,
    );
  });

  test('is news when it was deleted and is back', async () => {
    expect(
      await post(drifted(), { mode: 'ref', verb: 'delete' }, world({ outputs: [asWritten()] }).cluster),
    ).toEqual(names('b'));
  });

  test.each(['absent', 'unserved'] as const)('is left to the sweep when it is %s', async (found) => {
    const cluster = { ...world().cluster, getOutput: async () => found };
    expect(await post(drifted(), { mode: 'ref', verb: 'delete' }, cluster)).toEqual(nothing);
  });

  test('must come again when the API server does not answer', async () => {
    const cluster = {
      ...world().cluster,
      getOutput: () => Promise.reject(new UncertainError('GET timed out')),
    };
    expect(await post(drifted(), { mode: 'ref' }, cluster)).toHaveProperty('status', 503);
  });
});

describe('an event is refused', () => {
  test('whose object has labels that are no texts', async () => {
    const { metadata } = drifted();
    const object = { metadata: { ...metadata, labels: { app: 5 } as unknown as Record<string, string> } };
    expect(await post(object)).toMatchObject({
      status: 400,
      error: { error: 'the data is not an object of this kind' },
    });
  });
});
