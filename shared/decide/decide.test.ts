import { describe, expect, it } from 'vitest';
import {
  createBinding,
  createObjective,
  createPool,
  exampleSettings,
  perObjective,
  poolOnly,
  serve,
} from '../../test/support/inference.ts';
import {
  type Binding,
  type BindingSpec,
  type BindingStatus,
  type Claim,
  bindingFinalizer,
} from '../api/binding.ts';
import type { Output } from '../api/cluster-spiffe-id.ts';
import { findReady } from '../api/conditions.ts';
import { refused, refusedForNow } from '../api/outcome.ts';
import type { RefusalReason } from '../api/reasons.ts';
import { toContentDigest } from '../identity/content.ts';
import { type Identity, renderIdentity } from '../identity/render-identity.ts';
import type { Settings } from '../identity/settings.ts';
import { type NewBinding, decideNew } from './decide-new.ts';
import { decideOrphans } from './decide-orphans.ts';
import { decide, explain } from './decide.ts';
import type { Decision } from './decision.ts';
import type { RunState } from './run-state.ts';
import { toConfirmedStatus } from './status.ts';
import { type Snapshot, toWorld } from './world.ts';

const clock = {
  now: '2026-11-21T12:00:00Z',
  quarantine: '2026-11-21T11:58:00Z',
  horizon: '2026-11-21T12:02:00Z',
};
const fresh = '2026-11-21T11:58:01Z';
const over = '2026-11-21T11:58:00Z';

const sources: Snapshot['sources'] = {
  pools: {
    'inference.networking.k8s.io': serve(
      createPool({ matchLabels: { app: 'model-server' } }, 'pool-a'),
      createPool({ matchLabels: { app: 'other' } }, 'pool-b'),
      createPool({ matchLabels: { app: '' } }, 'unsafe'),
    ),
  },
  objectives: {
    'llm-d.ai': serve(
      createObjective({ name: 'pool-a' }, 'objective-a'),
      createObjective({ name: 'pool-a' }, 'objective-b'),
      createObjective({ name: 'unsafe' }, 'objective-unsafe'),
    ),
  },
};

interface Scene {
  readonly bindings?: readonly Binding[];
  readonly outputs?: readonly Output[] | 'unserved';
  readonly state?: RunState;
  readonly settings?: Partial<Settings>;
  readonly of?: string;
}

function worldOf({ bindings = [], outputs = [], settings = {} }: Scene) {
  const byName = new Map(bindings.map((binding) => [binding.metadata.name, binding]));
  return toWorld(
    { namespace: 'default', bindings: byName, outputs, sources, clock },
    { ...exampleSettings, ...settings },
  );
}

function decideIn(scene: Scene): Decision {
  return decide(worldOf(scene), scene.of ?? 'binding-a', scene.state ?? {}, 'fresh-nonce');
}

/** What is left to decide when a binding says what it should, after one more look. */
function at(binding: Binding, status: BindingStatus): Binding {
  return { ...binding, status };
}

function held(spec: BindingSpec = perObjective, name = 'binding-a'): Binding {
  const binding = createBinding(spec, name);
  return { ...binding, metadata: { ...binding.metadata, finalizers: [bindingFinalizer] } };
}

function deleting(binding: Binding): Binding {
  return { ...binding, metadata: { ...binding.metadata, deletionTimestamp: '2026-11-21T11:59:00Z' } };
}

function identityOf(binding: Binding, settings: Partial<Settings> = {}): Identity {
  const { outcome } = renderIdentity(binding, sources, { ...exampleSettings, ...settings });
  if (outcome.kind !== 'done') throw new Error(outcome.message);
  return outcome.value;
}

/** The output that a binding asks for, as it is stored. */
function outputOf(binding: Binding, more: { nonce?: string; deletionTimestamp?: string } = {}): Output {
  const { metadata, spec } = identityOf(binding).output;
  const { nonce, ...meta } = more;
  const annotations = {
    ...metadata.annotations,
    ...(nonce !== undefined && { 'kleym.sonda.red/claim': nonce }),
  };
  return {
    metadata: {
      ...metadata,
      annotations,
      uid: `output-of-${binding.metadata.name}`,
      resourceVersion: '7',
      ...meta,
    },
    spec,
  };
}

/** The same as the Go operator leaves it: no annotations, no label for the service account, every namespace. */
function operatorOutputOf(binding: Binding): Output {
  const { metadata, spec } = outputOf(binding);
  const { 'kleym.sonda.red/service-account': _account, ...labels } = metadata.labels ?? {};
  const { namespaceSelector: _selector, ...bare } = spec;
  return { metadata: { ...metadata, labels, annotations: {} }, spec: bare };
}

function claimOf(binding: Binding) {
  const { key, output } = identityOf(binding);
  const claimed = { name: output.metadata.name, serviceAccountName: binding.spec.serviceAccountName };
  return key === undefined ? claimed : { ...claimed, key };
}

function creating(binding: Binding, nonce = 'n', announcedAt = fresh): Claim {
  return { kind: 'creating', ...claimOf(binding), nonce, at: announcedAt };
}

function owning(binding: Binding): Claim {
  return { kind: 'owning', ...claimOf(binding), uid: `output-of-${binding.metadata.name}` };
}

function replacing(binding: Binding, base = '7', to: Binding = binding): Claim {
  return { kind: 'replacing', ...claimOf(to), uid: `output-of-${binding.metadata.name}`, base };
}

function ready({ status }: { readonly status: BindingStatus }): string {
  const condition = findReady(status);
  return `${condition?.status} ${condition?.reason}`;
}

const a = held();
const b = held({ ...perObjective, objectiveRef: { name: 'objective-b' } }, 'binding-b');
const b2 = held(
  { ...perObjective, objectiveRef: { name: 'objective-b' }, containerName: 'second' },
  'binding-b',
);

function lookFirst(binding: Binding, look: Partial<NewBinding> = {}) {
  return decideNew({ binding, sources, settings: exampleSettings, clock, ...look }, 'fresh-nonce');
}

describe('row 0: a binding that nobody has evaluated', () => {
  it('gets the finalizer and an announcement, from what it says alone', () => {
    const step = lookFirst(createBinding(perObjective));
    if (step?.kind !== 'patch-finalizers') throw new Error(step?.kind);
    expect(step.finalizers).toEqual([bindingFinalizer]);
    expect(step.announce).toMatchObject({
      observedGeneration: 1,
      keyDigest: identityOf(createBinding(perObjective)).keyDigest,
      claim: {
        kind: 'creating',
        ...claimOf(createBinding(perObjective)),
        nonce: 'fresh-nonce',
        at: clock.now,
      },
      observed: { pool: { uid: 'uid-of-pool-a' }, objective: { uid: 'uid-of-objective-a' } },
    });
    expect(step.announce).not.toHaveProperty('conflicts');
    expect(
      step.announce?.conditions?.map(({ type, status, reason }) => `${type} ${status} ${reason}`),
    ).toEqual([
      'Ready Unknown Initializing',
      'Conflict Unknown Initializing',
      'InvalidRef False Resolved',
      'UnsafeSelector False Resolved',
      'RenderFailure False Resolved',
    ]);
  });

  it('says the shape of its key too where overlaps are refused', () => {
    const settings = { ...exampleSettings, overlapPolicy: 'refuse' } as const;
    const step = lookFirst(createBinding(perObjective), { settings });
    expect(step?.announce).toHaveProperty('keyShape', 'a3cceacbbd1b6e1212dea83f88b38b04');
    expect(lookFirst(createBinding(perObjective))?.announce).not.toHaveProperty('keyShape');
  });

  it('keeps the finalizers of others, and claims no key where it asks for none', () => {
    const binding = createBinding(poolOnly);
    const step = lookFirst({ ...binding, metadata: { ...binding.metadata, finalizers: ['others'] } });
    if (step?.kind !== 'patch-finalizers') throw new Error(step?.kind);
    expect(step.finalizers).toEqual(['others', bindingFinalizer]);
    expect(step.announce?.claim).not.toHaveProperty('key');
    expect(step.announce).not.toHaveProperty('keyDigest');
  });

  it.each<[string, Binding]>([
    ['is being deleted', deleting(createBinding(perObjective))],
    ['has our finalizer', held(perObjective)],
    ['claims something', at(createBinding(perObjective), { claim: owning(held()) })],
    ['was evaluated', at(createBinding(perObjective), { observedGeneration: 1 })],
    ['has a claim that cannot be read', { ...createBinding(perObjective), status: { claim: unreadable } }],
    ['names a pool that is not there', createBinding({ ...perObjective, poolRef: { name: 'nowhere' } })],
    [
      'names an objective that is not there',
      createBinding({ ...perObjective, objectiveRef: { name: 'nowhere' } }),
    ],
    ['is on an unsafe pool', createBinding({ ...poolOnly, poolRef: { name: 'unsafe' } })],
    ['names no container', createBinding({ ...perObjective, containerName: '' })],
    [
      'has a spec that cannot be read',
      createBinding({ ...poolOnly, unreadable: 'poolRef: expected an object' }),
    ],
  ])('says nothing of one that %s: only a collect can tell', (_which, binding) => {
    expect(lookFirst(binding)).toBeUndefined();
  });

  it('takes a status in which nothing is said for none', () => {
    expect(lookFirst(at(createBinding(perObjective), {}))?.kind).toBe('patch-finalizers');
  });
});

const unreadable = {
  kind: 'unreadable',
  words: 'kind: expected another',
  serviceAccountName: 'inference-sa',
} as const;

describe('row 1: outputs without a binding', () => {
  it('an output whose binding is gone is deleted', () => {
    expect(decideOrphans(worldOf({ outputs: [outputOf(a)] }))).toMatchObject([{ kind: 'delete-output' }]);
  });

  it('an output of an earlier binding of this name is deleted', () => {
    const again = { ...a, metadata: { ...a.metadata, uid: 'another' } };
    expect(decideOrphans(worldOf({ bindings: [again], outputs: [outputOf(a)] }))).toHaveLength(1);
  });

  it("the Go operator's output, which names no uid, is no orphan while a binding of its name exists", () => {
    expect(decideOrphans(worldOf({ bindings: [a], outputs: [operatorOutputOf(a)] }))).toEqual([]);
  });

  it('an orphan that is on its way out already is left to whoever holds it', () => {
    const output = outputOf(a, { deletionTimestamp: clock.now });
    expect(decideOrphans(worldOf({ outputs: [output] }))).toEqual([]);
  });

  it('an object that only carries our labels is never touched', () => {
    const output = outputOf(a);
    const foreign = { ...output, spec: { ...output.spec, hint: 'somebody/else' } };
    expect(decideOrphans(worldOf({ outputs: [foreign] }))).toEqual([]);
  });
});

describe('row 2: no binding', () => {
  it('there is nothing to do for a binding that does not exist', () => {
    expect(decideIn({})).toEqual({ kind: 'converged' });
  });
});

describe('row 3: what must go first', () => {
  it('an output under an old name goes before the new one comes', () => {
    const old = outputOf(held({ ...perObjective, objectiveRef: { name: 'objective-b' } }));
    expect(decideIn({ bindings: [at(a, { claim: owning(a) })], outputs: [old] })).toMatchObject({
      kind: 'delete-output',
      output: old,
    });
  });

  it('while an output of the binding is terminating nothing else is decided, and the status says who holds it', () => {
    const output = outputOf(a, { deletionTimestamp: clock.now });
    const terminating = { ...output, metadata: { ...output.metadata, finalizers: ['example.com/hold'] } };
    const first = decideIn({ bindings: [at(a, { claim: owning(a) })], outputs: [terminating] });
    expect(first).toMatchObject({
      kind: 'write-status',
      waiting: { message: expect.stringContaining('is being deleted') },
      status: { claim: owning(a) },
    });
    if (first.kind !== 'write-status') throw new Error(first.kind);
    expect(first.status.conditions?.[0]?.message).toMatch(
      /^ClusterSPIFFEID .* is being deleted; its finalizers hold it: example\.com\/hold$/,
    );
    expect(decideIn({ bindings: [at(a, first.status)], outputs: [terminating] })).toMatchObject({
      kind: 'waiting',
    });
  });

  it('a terminating output of an earlier binding of this name is waited for too, because it has the name', () => {
    const again = { ...a, metadata: { ...a.metadata, uid: 'another' } };
    const terminating = outputOf(a, { deletionTimestamp: clock.now });
    expect(decideIn({ bindings: [again], outputs: [terminating] })).toMatchObject({
      kind: 'write-status',
      waiting: { kind: 'waiting' },
    });
  });
});

describe('row 4: a binding that is being deleted', () => {
  it('its output goes first', () => {
    expect(
      decideIn({ bindings: [deleting(at(a, { claim: owning(a) }))], outputs: [outputOf(a)] }),
    ).toMatchObject({ kind: 'delete-output' });
  });

  it('while a POST may still land the finalizer stays', () => {
    expect(decideIn({ bindings: [deleting(at(a, { claim: creating(a) }))] })).toMatchObject({
      kind: 'waiting',
    });
  });

  it('with nothing left our finalizer goes, and those of others stay', () => {
    const shared = { ...a, metadata: { ...a.metadata, finalizers: ['example.com/other', bindingFinalizer] } };
    expect(decideIn({ bindings: [deleting(shared)] })).toMatchObject({
      kind: 'patch-finalizers',
      finalizers: ['example.com/other'],
      announce: undefined,
    });
  });

  it('what only others hold is none of our business any more', () => {
    const letGo = { ...a, metadata: { ...a.metadata, finalizers: ['example.com/other'] } };
    expect(decideIn({ bindings: [deleting(letGo)] })).toEqual({ kind: 'converged' });
  });

  it('its output goes although our finalizer was taken off and only others hold it', () => {
    const letGo = { ...a, metadata: { ...a.metadata, finalizers: ['example.com/other'] } };
    const scene: Scene = { bindings: [deleting(at(letGo, { claim: owning(a) }))], outputs: [outputOf(a)] };
    expect(decideIn(scene)).toMatchObject({ kind: 'delete-output' });
  });

  it('is let go although the ClusterSPIFFEID CRD is gone', () => {
    const scene: Scene = { bindings: [deleting(at(a, { claim: owning(a) }))], outputs: 'unserved' };
    expect(decideIn(scene)).toMatchObject({ kind: 'patch-finalizers', finalizers: [] });
  });
});

/** What a binding says whose output the API server has refused. */
function refusedStatus(reason: RefusalReason<'RenderFailure'>, message = 'no'): BindingStatus {
  const digest = toContentDigest(identityOf(a).output);
  const state = { rejectedOutput: { digest, refused: refused('RenderFailure', reason, message) } };
  const said = decideIn({ bindings: [a], state });
  if (said.kind !== 'write-status') throw new Error(said.kind);
  return said.status;
}

describe('row 5: the finalizer comes before everything that it protects', () => {
  const bare = createBinding(perObjective);

  it('and the announcement may follow at once', () => {
    const step = decideIn({ bindings: [bare] });
    expect(step).toMatchObject({ kind: 'patch-finalizers', finalizers: [bindingFinalizer] });
    expect(step).toMatchObject({
      announce: { claim: { kind: 'creating', nonce: 'fresh-nonce', at: clock.now } },
    });
  });

  it.each<[string, Scene]>([
    ['a refused binding', { bindings: [createBinding({ ...perObjective, poolRef: { name: 'none' } })] }],
    ['a collision', { bindings: [bare, b] }],
    [
      'a key that somebody else holds',
      { bindings: [bare, at(b2, { claim: { ...owning(b2), ...pickKey(a) } })] },
    ],
    ['a POST that may still land', { bindings: [at(bare, { claim: creating(a, 'n', fresh) })] }],
    [
      'a claim that cannot be dated',
      { bindings: [at(bare, { claim: creating(a, 'n', '2026-11-21T13:00:00Z') })] },
    ],
    ['an output that the API server has refused', { bindings: [at(bare, refusedStatus('OutputRefused'))] }],
    ['an output of its own', { bindings: [bare], outputs: [operatorOutputOf(a)] }],
  ])('but not for %s', (_what, scene) => {
    expect(decideIn(scene)).toMatchObject({ kind: 'patch-finalizers', announce: undefined });
  });
});

describe('row 6: withdraw, then report', () => {
  const unsafe = held({
    ...perObjective,
    poolRef: { name: 'unsafe' },
    objectiveRef: { name: 'objective-unsafe' },
  });

  it('the output goes before the status says anything', () => {
    expect(decideIn({ bindings: [a, b], outputs: [outputOf(a)] })).toMatchObject({ kind: 'delete-output' });
  });

  it('a POST that may still land is waited for before the status says anything', () => {
    expect(decideIn({ bindings: [at(a, { claim: creating(a) }), b] })).toMatchObject({ kind: 'waiting' });
  });

  it('then the status says it and the claim is gone', () => {
    const step = decideIn({ bindings: [at(unsafe, { claim: owning(a) })] });
    if (step.kind !== 'write-status') throw new Error(step.kind);
    expect(ready(step)).toBe('False InvalidPoolSelector');
    expect(step.status.claim).toBeUndefined();
    expect(decideIn({ bindings: [at(unsafe, step.status)] })).toEqual({ kind: 'converged' });
  });

  it('a collision names all peers, sorted, and a deleted one is none', () => {
    const c = held(b.spec, 'binding-c');
    const step = decideIn({ bindings: [a, c, b, deleting(held(b.spec, 'binding-d'))] });
    if (step.kind !== 'write-status') throw new Error(step.kind);
    expect(ready(step)).toBe('False IdentityCollision');
    expect(step.status.conflicts).toEqual([
      { name: 'binding-b', uid: 'uid-of-binding-b', reason: 'IdentityCollision' },
      { name: 'binding-c', uid: 'uid-of-binding-c', reason: 'IdentityCollision' },
    ]);
  });

  it('a peer that cannot be rendered is no peer', () => {
    const broken = held({ ...b.spec, objectiveRef: { name: 'none' } }, 'binding-b');
    expect(decideIn({ bindings: [a, broken] })).toMatchObject({ status: { claim: { kind: 'creating' } } });
  });

  it('what this run wrote and the API server refused is reported; other content is tried', () => {
    const rejectedOutput = {
      digest: toContentDigest(identityOf(a).output),
      refused: refused('RenderFailure', 'OutputRefused', 'no'),
    };
    const step = decideIn({ bindings: [a], state: { rejectedOutput } });
    expect(step).toMatchObject({
      kind: 'write-status',
      status: { conditions: [{ reason: 'OutputRefused' }, {}, {}, {}, {}] },
    });
    expect(step).not.toHaveProperty('status.claim');
    const other = { ...rejectedOutput, digest: 'another' };
    expect(decideIn({ bindings: [a], state: { rejectedOutput: other } })).toMatchObject({
      status: { claim: { kind: 'creating' } },
    });
  });

  it('a refusal that may end by itself is said once, and waits', () => {
    const first = decideIn({ bindings: [a], outputs: 'unserved' });
    if (first.kind !== 'write-status') throw new Error(first.kind);
    expect(ready(first)).toBe('False ClusterSPIFFEIDCRDMissing');
    const message = 'ClusterSPIFFEID CRD is not installed';
    expect(decideIn({ bindings: [at(a, first.status)], outputs: 'unserved' })).toEqual({
      kind: 'waiting',
      message,
    });
  });

  it('an overlap is reported, and refused only where the platform team wants it', () => {
    const { containerName: _name, ...withoutContainer } = b.spec;
    const wide = held(
      { ...withoutContainer, containerImage: `example.org/x@sha256:${'0'.repeat(64)}` },
      'binding-b',
    );
    const reported = decideIn({ bindings: [a, wide] });
    expect(reported).toMatchObject({
      status: { claim: { kind: 'creating' }, conflicts: [{ reason: 'PossibleOverlap' }] },
    });
    const step = decideIn({ bindings: [a, wide], settings: { overlapPolicy: 'refuse' } });
    if (step.kind !== 'write-status') throw new Error(step.kind);
    expect(ready(step)).toBe('False PossibleOverlap');
  });
});

describe('a withdrawal that the API server refused to this run', () => {
  const live = outputOf(a);
  const refusedWith = (words: string): RunState => ({ undeletedOutput: { uid: live.metadata.uid, words } });
  const message = `ClusterSPIFFEID ${live.metadata.name} must be deleted, and the API server refuses: denied by a policy`;
  const elsewhere = held({ ...perObjective, objectiveRef: { name: 'objective-b' } });
  const moved = held({ ...perObjective, containerName: 'second' });
  const peer = at(b, { claim: { ...owning(b), ...pickKey(moved) } });
  const state = refusedWith('denied by a policy');

  it.each<[string, Scene]>([
    [
      'of a binding that must have no output',
      { bindings: [at(a, { claim: owning(a) }), b], outputs: [live] },
    ],
    [
      'of a binding that is being deleted',
      { bindings: [deleting(at(a, { claim: owning(a) }))], outputs: [live] },
    ],
    ['under an old name', { bindings: [at(elsewhere, { claim: owning(a) })], outputs: [live] }],
    ['of a move that yields', { bindings: [at(moved, { claim: owning(a) }), peer], outputs: [live] }],
    [
      'of one of two outputs with one key',
      {
        bindings: [at(a, { claim: owning(a) }), b2],
        outputs: [live, outputOf(held(b.spec, 'binding-b'))],
      },
    ],
  ])('%s is said, and waits; the claim stands', (_case, scene) => {
    const step = decideIn({ ...scene, state });
    if (step.kind !== 'write-status') throw new Error(step.kind);
    expect(ready(step)).toBe('Unknown DeletionRejected');
    expect(step.status.conditions?.map(({ status }) => status)).toEqual(Array(5).fill('Unknown'));
    expect(step.status.conditions?.[0]?.message).toBe(message);
    expect(step.status.claim).toEqual(owning(a));
    expect(step.waiting).toEqual({ kind: 'waiting', message });
  });

  const scene: Scene = { bindings: [at(a, { claim: owning(a) }), b], outputs: [live], state };
  const said = decideIn(scene);
  if (said.kind !== 'write-status') throw new Error(said.kind);
  const blocked = at(a, said.status);

  it('is tried again by the next run', () => {
    expect(decideIn({ bindings: [blocked, b], outputs: [live] })).toMatchObject({ kind: 'delete-output' });
  });

  it('is not said again in other words, but to whoever asks', () => {
    const other = refusedWith('denied by a policy, request 4711');
    expect(decideIn({ bindings: [blocked, b], outputs: [live], state: other })).toEqual({
      kind: 'waiting',
      message: `${message}, request 4711`,
    });
  });

  it('is said anew of another output, because people must learn its name', () => {
    const other = outputOf(elsewhere);
    const state = { undeletedOutput: { uid: other.metadata.uid, words: 'denied by a policy' } };
    expect(decideIn({ bindings: [blocked, b], outputs: [other], state })).toMatchObject({
      kind: 'write-status',
      status: { conditions: [{ message: expect.stringContaining(other.metadata.name) }, {}, {}, {}, {}] },
    });
  });

  it('is said anew, in the words of the day, for another generation', () => {
    const edited = { ...blocked, metadata: { ...blocked.metadata, generation: 2 } };
    expect(decideIn({ bindings: [edited, b], outputs: [live], state: refusedWith('no') })).toMatchObject({
      kind: 'write-status',
      status: {
        observedGeneration: 2,
        conditions: [{ message: expect.stringMatching(/refuses: no$/) }, {}, {}, {}, {}],
      },
    });
  });

  it('says nothing about another output', () => {
    const other: RunState = { undeletedOutput: { uid: 'another', words: 'no' } };
    expect(decideIn({ ...scene, state: other })).toMatchObject({ kind: 'delete-output' });
  });

  it('is over when the binding may have its output again', () => {
    expect(decideIn({ bindings: [blocked], outputs: [live] })).toMatchObject({
      kind: 'write-status',
      status: { conditions: [{ status: 'True' }, {}, {}, {}, {}], claim: owning(a) },
    });
  });
});

describe('row 7: the quarantine', () => {
  it('a claim of another run holds for as long as its POST may land, to the second', () => {
    expect(decideIn({ bindings: [at(a, { claim: creating(a, 'n', fresh) })] })).toMatchObject({
      kind: 'waiting',
    });
    expect(decideIn({ bindings: [at(a, { claim: creating(a, 'n', over) })] })).toMatchObject({
      kind: 'write-status',
    });
  });

  it('ends when the output with its nonce is seen', () => {
    const scene: Scene = {
      bindings: [at(a, { claim: creating(a) })],
      outputs: [outputOf(a, { nonce: 'n' })],
    };
    expect(decideIn(scene)).toMatchObject({ kind: 'write-status', status: { claim: { kind: 'owning' } } });
  });

  it('an output with another nonce proves nothing', () => {
    const scene: Scene = {
      bindings: [at(a, { claim: creating(a) })],
      outputs: [outputOf(a, { nonce: 'older' })],
    };
    expect(decideIn(scene)).toMatchObject({ kind: 'waiting' });
  });

  const ahead = '2026-11-21T12:02:01Z';
  const hasten = '2026-11-21T12:02:00Z';

  it.each<[string, Binding]>([
    ['a binding', at(a, { observedGeneration: 1, claim: creating(a, 'n', ahead) })],
    ['one that is refused', at(b, { observedGeneration: 1, claim: creating(b, 'n', ahead) })],
    ['one that is being deleted', deleting(at(a, { observedGeneration: 1, claim: creating(a, 'n', ahead) }))],
    [
      'one that was let go, and that others hold',
      deleting({
        ...at(a, { observedGeneration: 1, claim: creating(a, 'n', ahead) }),
        metadata: { ...a.metadata, finalizers: ['example.com/other'] },
      }),
    ],
  ])('of a claim that a wrong clock dated ahead begins now: %s', (_case, binding) => {
    const others = binding.metadata.name === 'binding-b' ? [a] : [];
    const step = decideIn({ bindings: [binding, ...others], of: binding.metadata.name });
    if (step.kind !== 'write-status') throw new Error(step.kind);
    expect(step.waiting).toMatchObject({ kind: 'waiting' });
    expect(step.status).toEqual({
      observedGeneration: 1,
      claim: { ...binding.status?.claim, at: clock.now },
    });
    const redated = at(binding, step.status);
    expect(decideIn({ bindings: [redated, ...others], of: binding.metadata.name })).not.toMatchObject({
      kind: 'write-status',
    });
  });

  it('is as long as ever for a clock that is only a little ahead', () => {
    expect(decideIn({ bindings: [at(a, { claim: creating(a, 'n', hasten) })] })).toMatchObject({
      kind: 'waiting',
    });
  });

  it('is not begun again for the POST that this run itself announced', () => {
    const announced = at(a, { claim: creating(a, 'mine', ahead) });
    expect(
      decideIn({ bindings: [announced], state: { unsentPost: { nonce: 'mine', sendBy: 1, epoch: 0 } } }),
    ).toMatchObject({ kind: 'create-output' });
  });

  it('a POST that was answered with a refusal cannot land any more', () => {
    expect(decideIn({ bindings: [at(a, { claim: creating(a) })], state: { endedNonce: 'n' } })).toMatchObject(
      {
        kind: 'write-status',
      },
    );
  });
});

describe('row 8: somebody else has the key', () => {
  const peer = at(b2, { claim: { ...owning(b2), ...pickKey(a) } });

  it('a claim of another binding holds it, whatever that binding asks for now', () => {
    const step = decideIn({ bindings: [a, peer] });
    if (step.kind !== 'write-status') throw new Error(step.kind);
    expect(step.waiting).toEqual({ kind: 'waiting', message: step.status.conditions?.[0]?.message });
    expect(step).not.toHaveProperty('status.claim');
    expect(step.status.conditions?.[0]).toMatchObject({
      status: 'Unknown',
      reason: 'Waiting',
      message: 'binding binding-b still holds the same pods, service account and container',
    });
    expect(decideIn({ bindings: [at(a, step.status), peer] })).toMatchObject({ kind: 'waiting' });
  });

  it('an own claim is dropped meanwhile, so that two who wait do not wait for each other', () => {
    const step = decideIn({
      bindings: [at(a, { claim: creating(a, 'mine') }), peer],
      state: { unsentPost: { nonce: 'mine', sendBy: 1, epoch: 0 } },
    });
    expect(step).toMatchObject({ kind: 'write-status', waiting: { kind: 'waiting' } });
    expect(step).not.toHaveProperty('status.claim');
  });

  it('an output under another name holds it too', () => {
    const output = outputOf(b);
    expect(decideIn({ bindings: [a, b2], outputs: [output] })).toMatchObject({
      kind: 'write-status',
      waiting: { kind: 'waiting' },
    });
  });

  it('the claim of a binding that we let go holds nothing, unless its POST may still land', () => {
    const letGo = deleting({ ...peer, metadata: { ...peer.metadata, finalizers: ['example.com/other'] } });
    expect(decideIn({ bindings: [a, letGo] })).toMatchObject({ status: { claim: { kind: 'creating' } } });
    const open = at(letGo, { claim: { ...creating(b2), ...pickKey(a) } });
    expect(decideIn({ bindings: [a, open] })).toMatchObject({ waiting: { kind: 'waiting' } });
  });

  it('the claim of a binding from which somebody took our finalizer holds as long as it has an output', () => {
    const letGo = deleting({ ...peer, metadata: { ...peer.metadata, finalizers: ['example.com/other'] } });
    const scene: Scene = { bindings: [a, letGo], outputs: [outputOf(b2)] };
    expect(decideIn(scene)).toMatchObject({ waiting: { kind: 'waiting' } });
  });

  it('PoolOnly has no key and is never held', () => {
    const pool = held(poolOnly);
    expect(decideIn({ bindings: [pool, held(poolOnly, 'binding-b')] })).toMatchObject({
      status: { claim: { kind: 'creating' } },
    });
  });
});

describe('row 9: the POST, after a look at the peers', () => {
  const announced = at(a, { claim: creating(a, 'mine') });

  it('is sent by the run that announced it, and carries the nonce and the owner', () => {
    const step = decideIn({
      bindings: [announced],
      state: { unsentPost: { nonce: 'mine', sendBy: 1, epoch: 0 } },
    });
    expect(step).toMatchObject({
      kind: 'create-output',
      nonce: 'mine',
      output: {
        metadata: {
          annotations: { 'kleym.sonda.red/claim': 'mine', 'kleym.sonda.red/binding-uid': 'uid-of-binding-a' },
        },
      },
    });
    if (step.kind !== 'create-output') throw new Error(step.kind);
    expect(toConfirmedStatus(step.confirm, 'new')).toMatchObject({
      claim: { kind: 'owning', uid: 'new' },
      computedSpiffeIDs: [{ mode: 'PerObjective' }],
    });
  });

  it.each<[string, Binding, RunState]>([
    ['too long after its announcement', announced, { endedNonce: 'mine' }],
    [
      'when the binding asks for something else by now',
      held({ ...perObjective, containerName: 'second' }),
      { unsentPost: { nonce: 'mine', sendBy: 1, epoch: 0 } },
    ],
  ])('is not sent %s: it is announced anew', (_when, binding, state) => {
    const step = decideIn({ bindings: [at(binding, { claim: creating(a, 'mine') })], state });
    expect(step).toMatchObject({
      kind: 'write-status',
      status: { claim: { kind: 'creating', nonce: 'fresh-nonce' } },
    });
  });

  it('is never sent under the nonce of another run: it is announced anew', () => {
    const step = decideIn({
      bindings: [at(a, { claim: creating(a, 'theirs', over) })],
      state: { unsentPost: { nonce: 'mine', sendBy: 1, epoch: 0 } },
    });
    expect(step).toMatchObject({ kind: 'write-status', status: { claim: { nonce: 'fresh-nonce' } } });
  });
});

describe('row 10: the API server refused it before', () => {
  const said = decideIn({
    bindings: [a],
    state: {
      rejectedOutput: {
        digest: toContentDigest(identityOf(a).output),
        refused: refused('RenderFailure', 'OutputNameTaken', 'taken'),
      },
    },
  });
  if (said.kind !== 'write-status') throw new Error(said.kind);
  const blocked = at(a, said.status);

  const refusalWith = (message: string, reason: RefusalReason<'RenderFailure'> = 'OutputRefused') => ({
    digest: toContentDigest(identityOf(a).output),
    refused: refused('RenderFailure', reason, message),
  });
  const blockedWith = (message: string) => at(a, refusedStatus('OutputRefused', message));

  it('a refusal in other words is said in the words of the day', () => {
    const blocked = blockedWith('policy a denies it');
    const scene = { bindings: [blocked], state: { rejectedOutput: refusalWith('policy b denies it') } };
    expect(decideIn(scene)).toMatchObject({
      kind: 'write-status',
      status: { conditions: [{ message: 'policy b denies it' }, {}, {}, {}, {}] },
    });
  });

  it('so is one with another reason, or of another content', () => {
    const forbidden = { rejectedOutput: refusalWith('denied (request 2)', 'OutputForbidden') };
    const blocked = blockedWith('denied (request 1)');
    expect(decideIn({ bindings: [blocked], state: forbidden })).toMatchObject({ kind: 'write-status' });
    const settings = { trustDomain: 'example.com' };
    const digest = toContentDigest(identityOf(a, settings).output);
    const state = { rejectedOutput: { ...refusalWith('denied (request 2)'), digest } };
    expect(decideIn({ bindings: [blocked], state, settings })).toMatchObject({
      kind: 'write-status',
      status: { conditions: [{ message: 'denied (request 2)' }, {}, {}, {}, {}] },
    });
  });

  it('one in the same words is not said again', () => {
    const blocked = blockedWith('policy a denies it');
    const scene = { bindings: [blocked], state: { rejectedOutput: refusalWith('policy a denies it') } };
    expect(decideIn(scene)).toEqual({ kind: 'converged' });
  });

  it('each later look asks without writing', () => {
    expect(decideIn({ bindings: [blocked] })).toMatchObject({ kind: 'dry-run' });
  });

  it('the same answer is the end of it', () => {
    const rejectedOutput = {
      digest: toContentDigest(identityOf(a).output),
      refused: refused('RenderFailure', 'OutputNameTaken', 'taken'),
    };
    expect(decideIn({ bindings: [blocked], state: { rejectedOutput } })).toEqual({ kind: 'converged' });
  });

  it('another answer is announced', () => {
    expect(
      decideIn({ bindings: [blocked], state: { acceptedOutput: toContentDigest(identityOf(a).output) } }),
    ).toMatchObject({
      kind: 'write-status',
      status: { claim: { kind: 'creating' } },
    });
  });

  it('an edit is tried at once', () => {
    const edited = { ...blocked, metadata: { ...blocked.metadata, generation: 2 } };
    expect(decideIn({ bindings: [edited] })).toMatchObject({
      kind: 'write-status',
      status: { claim: { kind: 'creating' } },
    });
  });

  it('a missing permission waits for somebody to give it', () => {
    const rejectedOutput = {
      digest: toContentDigest(identityOf(a).output),
      refused: refusedForNow('RenderFailure', 'OutputForbidden', 'no'),
    };
    const first = decideIn({ bindings: [a], state: { rejectedOutput } });
    if (first.kind !== 'write-status') throw new Error(first.kind);
    expect(decideIn({ bindings: [at(a, first.status)], state: { rejectedOutput } })).toEqual({
      kind: 'waiting',
      message: 'no',
    });
  });
});

describe('row 11: the announcement', () => {
  it('clears what the status said before, in the write that makes the claim', () => {
    const conflict = decideIn({ bindings: [a, b] });
    if (conflict.kind !== 'write-status') throw new Error(conflict.kind);
    const step = decideIn({ bindings: [at(a, conflict.status), b2] });
    if (step.kind !== 'write-status') throw new Error(step.kind);
    expect(step.status.conditions?.map(({ type, status, reason }) => `${type} ${status} ${reason}`)).toEqual([
      'Ready Unknown Initializing',
      'Conflict False Resolved',
      'InvalidRef False Resolved',
      'UnsafeSelector False Resolved',
      'RenderFailure False Resolved',
    ]);
    expect(step.status.claim).toEqual({
      kind: 'creating',
      ...claimOf(a),
      nonce: 'fresh-nonce',
      at: clock.now,
    });
  });
});

describe('rows 12 and 13: a move', () => {
  const moved = held({ ...perObjective, containerName: 'second' });

  it('is announced on the resourceVersion that its PUT will be bound to', () => {
    expect(decideIn({ bindings: [at(moved, { claim: owning(a) })], outputs: [outputOf(a)] })).toMatchObject({
      kind: 'write-status',
      status: { claim: replacing(a, '7', moved) },
    });
  });

  it('then the PUT may be sent, by any run', () => {
    const step = decideIn({
      bindings: [at(moved, { claim: replacing(a, '7', moved) })],
      outputs: [outputOf(a)],
    });
    expect(step).toMatchObject({ kind: 'replace-output', output: { metadata: { resourceVersion: '7' } } });
  });

  it('an output that was written since is announced anew', () => {
    const step = decideIn({
      bindings: [at(moved, { claim: replacing(a, '6', moved) })],
      outputs: [outputOf(a)],
    });
    expect(step).toMatchObject({ kind: 'write-status', status: { claim: replacing(a, '7', moved) } });
  });

  it('one that is given up is fenced before anything else is claimed', () => {
    const step = decideIn({ bindings: [at(a, { claim: replacing(a, '7', moved) })], outputs: [outputOf(a)] });
    expect(step).toMatchObject({
      kind: 'fence-output',
      output: { metadata: { resourceVersion: '7', annotations: { 'kleym.sonda.red/fence': 'fresh-nonce' } } },
    });
  });

  it('one whose new key is held yields: better no identity than the wrong one', () => {
    const peer = at(b, { claim: { ...owning(b), ...pickKey(moved) } });
    expect(decideIn({ bindings: [moved, peer], outputs: [outputOf(a)] })).toMatchObject({
      kind: 'delete-output',
    });
  });

  it('of two outputs with one key neither is trusted', () => {
    const twin = outputOf(held(b.spec, 'binding-b'));
    expect(decideIn({ bindings: [a, b2], outputs: [outputOf(a), twin] })).toMatchObject({
      kind: 'delete-output',
      output: { metadata: { name: outputOf(a).metadata.name } },
    });
  });
});

describe('rows 14 to 16: the output has the right key', () => {
  it("the Go operator's output is taken over in place", () => {
    const step = decideIn({ bindings: [a], outputs: [operatorOutputOf(a)] });
    expect(step).toMatchObject({
      kind: 'replace-output',
      output: { metadata: { uid: 'output-of-binding-a' } },
    });
  });

  it('an output whose labels and hint were edited is known by the uid in the claim, and mended', () => {
    const output = outputOf(a);
    const damaged = {
      ...output,
      metadata: { ...output.metadata, labels: {} },
      spec: { ...output.spec, hint: 'x' },
    };
    const step = decideIn({ bindings: [at(a, { claim: owning(a) })], outputs: [damaged] });
    expect(step).toMatchObject({ kind: 'replace-output' });
  });

  it('a PoolOnly output moves with its pool without a claim for it', () => {
    const before = held(poolOnly);
    const after = held({ ...poolOnly, poolRef: { name: 'pool-a' } });
    const output = outputOf(before);
    const drifted = { ...output, spec: { ...output.spec, podSelector: { matchLabels: { app: 'old' } } } };
    expect(decideIn({ bindings: [at(after, { claim: owning(before) })], outputs: [drifted] })).toMatchObject({
      kind: 'replace-output',
    });
  });

  it('a claim that was lost is written again', () => {
    expect(decideIn({ bindings: [a], outputs: [outputOf(a)] })).toMatchObject({
      kind: 'write-status',
      status: { claim: owning(a) },
    });
  });

  it('when the status says it there is nothing left to do, whatever others added to the output', () => {
    const first = decideIn({ bindings: [a], outputs: [outputOf(a)] });
    if (first.kind !== 'write-status') throw new Error(first.kind);
    expect(ready(first)).toBe('True Reconciled');
    const output = outputOf(a);
    const added = {
      ...output,
      spec: { ...output.spec, ttl: '1h' },
      metadata: { ...output.metadata, labels: { ...output.metadata.labels, team: 'x' } },
    };
    expect(decideIn({ bindings: [at(a, first.status)], outputs: [added] })).toEqual({ kind: 'converged' });
  });
});

function pickKey(binding: Binding): { key: string } {
  const { key = '' } = identityOf(binding);
  return { key };
}

function unread(binding: Binding): Binding {
  const claim = { kind: 'unreadable', words: 'kind: what?', serviceAccountName: 'inference-sa' } as const;
  return { ...binding, status: { claim } };
}

describe('a claim that cannot be read', () => {
  const waits = {
    kind: 'waiting',
    message: expect.stringContaining('status.claim cannot be read (kind: what?)'),
  };

  it.each<[string, Scene]>([
    ['nothing is announced over it', { bindings: [unread(a)] }],
    ['no finalizer is put beside it', { bindings: [unread(createBinding(perObjective))] }],
    ['none is taken away from it', { bindings: [deleting(unread(a))] }],
    ['what is right is not confirmed over it', { bindings: [unread(a)], outputs: [outputOf(a)] }],
    [
      'nothing moves by it',
      { bindings: [unread(held({ ...perObjective, containerName: 'elsewhere' }))], outputs: [outputOf(a)] },
    ],
    ['nothing is said over it', { bindings: [unread(a)], outputs: 'unserved' }],
  ])('makes its binding wait: %s', (_what, scene) => {
    expect(decideIn(scene)).toEqual(waits);
  });

  it.each<[string, Scene]>([
    ['a collision', { bindings: [unread(a), b], outputs: [outputOf(a)] }],
    ['a binding that is deleted', { bindings: [deleting(unread(a))], outputs: [outputOf(a)] }],
  ])('does not keep an output that must go: %s', (_what, scene) => {
    expect(decideIn(scene)).toMatchObject({ kind: 'delete-output', owner: 'binding-a' });
  });

  it('may hold any key of its service account, so nothing new appears there', () => {
    const scene = {
      bindings: [a, unread(held({ ...perObjective, containerName: 'elsewhere' }, 'binding-b'))],
    };
    expect(decideIn(scene)).toMatchObject({
      kind: 'write-status',
      waiting: { message: expect.stringContaining('binding binding-b, by a claim that cannot be read,') },
    });
  });

  it('takes nothing from those who have their outputs', () => {
    const confirmation = decideIn({ bindings: [a], outputs: [outputOf(a)] });
    if (confirmation.kind !== 'write-status') throw new Error(confirmation.kind);
    const scene = {
      bindings: [
        at(a, confirmation.status),
        unread(held({ ...perObjective, containerName: 'elsewhere' }, 'binding-b')),
      ],
      outputs: [outputOf(a)],
    };
    expect(decideIn(scene)).toEqual({ kind: 'converged' });
  });
});

describe('a spec that cannot be read', () => {
  const odd: Binding = {
    ...a,
    spec: { poolRef: { name: '' }, serviceAccountName: 'inference-sa', unreadable: 'mode: what?' },
  };

  it('withdraws what was made from an earlier one', () => {
    expect(decideIn({ bindings: [odd], outputs: [outputOf(a)] })).toMatchObject({ kind: 'delete-output' });
  });

  it('is a failure before anything was looked at', () => {
    const decision = decideIn({ bindings: [odd] });
    if (decision.kind !== 'write-status') throw new Error(decision.kind);
    expect(
      decision.status.conditions?.map(({ type, status, reason }) => `${type}=${status}/${reason}`),
    ).toEqual([
      'Ready=False/UnreadableSpec',
      'Conflict=Unknown/NotEvaluated',
      'InvalidRef=Unknown/NotEvaluated',
      'UnsafeSelector=Unknown/NotEvaluated',
      'RenderFailure=True/UnreadableSpec',
    ]);
    expect(decision.status.conditions?.[0]?.message).toContain('spec cannot be read (mode: what?)');
  });
});

describe('a decision is explained by its row', () => {
  const binding = held();
  const output = outputOf(binding);
  const colliding = held(perObjective, 'binding-b');

  it.each<[number, string, Scene]>([
    [2, 'it is not there', {}],
    [3, 'its output has an old name', { bindings: [held({ ...poolOnly })], outputs: [output] }],
    [4, 'it is being deleted', { bindings: [deleting(binding)], outputs: [output] }],
    [5, 'it has no finalizer', { bindings: [createBinding(perObjective)] }],
    [6, 'it collides', { bindings: [binding, colliding] }],
    [7, 'a POST may land', { bindings: [at(binding, { claim: creating(binding) })] }],
    [8, 'another output has its key', { bindings: [binding], outputs: [outputOf(colliding)] }],
    [11, 'it is free', { bindings: [binding] }],
    [
      14,
      'its output was edited',
      { bindings: [binding], outputs: [{ ...output, spec: { ...output.spec, fallback: true } }] },
    ],
    [15, 'the status does not say it', { bindings: [binding], outputs: [output] }],
  ])('row %i: %s', (row, _, scene) => {
    const world = worldOf(scene);
    expect(explain(world, 'binding-a', {}, 'fresh-nonce').row).toBe(row);
  });
});
