import { describe, expect, test } from 'vitest';
import {
  createBinding,
  createObjective,
  createPool,
  createSources,
  exampleSettings,
  perObjective,
  poolOnly,
  serve,
} from '../../test/support/inference.ts';
import type { BindingSpec } from '../api/binding.ts';
import { renderIdentity } from './render-identity.ts';
import type { Sources } from './sources.ts';

const v1 = 'inference.networking.k8s.io';
const x = 'inference.networking.x-k8s.io';
const llmd = 'llm-d.ai';
const pool = createPool();
const objective = createObjective();
const here = createSources();

function render(spec: BindingSpec, sources: Sources) {
  return renderIdentity(createBinding(spec), sources, exampleSettings);
}

function refusal(reason: string, message: string, retry = false) {
  return { kind: 'refused', condition: 'InvalidRef', reason, message, retry };
}

describe('the pool of a binding', () => {
  test('is needed, even where the objective is there', () => {
    const sources: Sources = { ...here, pools: { [v1]: serve(), [x]: 'unserved' } };
    expect(render(perObjective, sources)).toEqual({
      outcome: refusal(
        'TargetPoolNotFound',
        `poolRef "pool-a" was not found in namespace "default" (looked in ${v1})`,
      ),
      observed: {},
    });
  });

  test('is enough for PoolOnly, where there are no objectives at all', () => {
    const { outcome, observed } = render(poolOnly, { pools: { [v1]: serve(pool) }, objectives: {} });
    expect(outcome).toMatchObject({
      kind: 'done',
      value: { spiffeId: 'spiffe://example.org/ns/default/pool/pool-a' },
    });
    expect(observed).toEqual({ pool: { group: v1, uid: 'uid-of-pool-a', generation: 3 } });
  });

  test.each([
    ['not listed', {}],
    ['not served', { [v1]: 'unserved', [x]: 'unserved' }],
  ] as const)('waits for a CRD where no group of pools is known: they are %s', (_why, pools) => {
    expect(render(poolOnly, { pools, objectives: {} })).toEqual({
      outcome: refusal('InferencePoolCRDMissing', 'InferencePool CRD is not installed', true),
      observed: {},
    });
  });

  test('is not found where one group lacks it and the other is not served', () => {
    const sources: Sources = { pools: { [v1]: 'unserved', [x]: serve() }, objectives: {} };
    expect(render(poolOnly, sources).outcome).toEqual(
      refusal('TargetPoolNotFound', `poolRef "pool-a" was not found in namespace "default" (looked in ${x})`),
    );
  });

  test('is looked for in all groups that are served', () => {
    const sources: Sources = { pools: { [v1]: serve(), [x]: serve() }, objectives: {} };
    expect(render(poolOnly, sources).outcome).toEqual(
      refusal(
        'TargetPoolNotFound',
        `poolRef "pool-a" was not found in namespace "default" (looked in ${v1} and ${x})`,
      ),
    );
  });

  test('is looked for in the group that the reference names alone', () => {
    const spec = { ...poolOnly, poolRef: { name: 'pool-a', group: x } };
    expect(render(spec, { pools: { [v1]: serve(pool), [x]: serve() }, objectives: {} }).outcome).toEqual(
      refusal('TargetPoolNotFound', `poolRef "pool-a" was not found in namespace "default" (looked in ${x})`),
    );
    expect(render(spec, { pools: { [v1]: serve(pool), [x]: 'unserved' }, objectives: {} }).outcome).toEqual(
      refusal('InferencePoolCRDMissing', 'InferencePool CRD is not installed', true),
    );
  });

  test.each([' pool-a', 'pool-a ', '\tpool-a\n'])('may be named within blanks: %j', (name) => {
    const spec = { ...poolOnly, poolRef: { name, group: ` ${v1} ` } };
    expect(render(spec, here).outcome).toMatchObject({
      kind: 'done',
      value: { spiffeId: 'spiffe://example.org/ns/default/pool/pool-a' },
    });
  });

  test.each([
    '',
    ' ',
    'a/b',
    '..',
    'Pool-a',
    'pool_a',
    'a%2fb',
    '__proto__',
    'p'.repeat(254),
    '{{x}}',
    'a\0b',
  ])('cannot be called %j', (name) => {
    expect(render({ ...poolOnly, poolRef: { name } }, here).outcome).toEqual(
      refusal(
        'InvalidPoolRef',
        `poolRef.name "${name.trim()}" is not the name of an object: expected lower case letters, digits, "-" and "."`,
      ),
    );
  });

  test.each(['example.com', llmd, '__proto__', 'constructor'])('cannot be of the group %s', (group) => {
    expect(render({ ...poolOnly, poolRef: { name: 'pool-a', group } }, here).outcome).toEqual(
      refusal('InvalidPoolRef', `poolRef.group "${group}" is not supported: expected one of ${v1}, ${x}`),
    );
  });

  test('may be called like what every object has', () => {
    const sources = createSources(createPool({ app: 'x' }, 'constructor'));
    expect(render({ ...poolOnly, poolRef: { name: 'constructor' } }, here).outcome).toMatchObject({
      reason: 'TargetPoolNotFound',
    });
    expect(render({ ...poolOnly, poolRef: { name: 'constructor' } }, sources).outcome.kind).toBe('done');
  });
});

describe('a pool that is served by two groups', () => {
  function both(first: unknown, second: unknown): Sources {
    return { ...here, pools: { [v1]: serve(createPool(first)), [x]: serve(createPool(second)) } };
  }

  test('is one pool where both select the same, and the present group is taken for it', () => {
    const { outcome, observed } = render(
      poolOnly,
      both({ matchLabels: { b: '1', a: '2' } }, { a: '2', b: '1' }),
    );
    expect(outcome.kind).toBe('done');
    expect(observed.pool?.group).toBe(v1);
  });

  test('is ambiguous where they select different pods', () => {
    expect(render(poolOnly, both({ matchLabels: { app: 'a' } }, { app: 'b' })).outcome).toEqual(
      refusal(
        'AmbiguousPoolRef',
        `poolRef "pool-a" is served by ${v1} and by ${x} with different selectors: set poolRef.group, or make the selectors equal`,
      ),
    );
  });

  test('is ambiguous where one of the selectors is unsafe', () => {
    expect(render(poolOnly, both({ matchLabels: { app: 'a' } }, {})).outcome).toMatchObject({
      reason: 'AmbiguousPoolRef',
    });
  });

  test('is unsafe where both selectors are, for the same reason', () => {
    expect(render(poolOnly, both({ matchLabels: {} }, {})).outcome).toMatchObject({
      condition: 'UnsafeSelector',
      reason: 'InvalidPoolSelector',
    });
  });

  test('is the one that the reference names, whatever the other selects', () => {
    const spec = { ...poolOnly, poolRef: { name: 'pool-a', group: x } };
    const { outcome, observed } = render(spec, both({ matchLabels: { app: 'a' } }, { app: 'b' }));
    expect(outcome).toMatchObject({
      value: { output: { spec: { podSelector: { matchLabels: { app: 'b' } } } } },
    });
    expect(observed.pool?.group).toBe(x);
  });

  test.each([v1, x])('is meant by an objective that names the group %s', (group) => {
    const sources = both({ matchLabels: { app: 'a' } }, { app: 'a' });
    const objectives = { [llmd]: serve(createObjective({ name: 'pool-a', group })) };
    expect(render(perObjective, { ...sources, objectives }).outcome.kind).toBe('done');
  });
});

describe('the objective of a binding', () => {
  const observed = { pool: { group: v1, uid: 'uid-of-pool-a', generation: 3 } };

  test('is needed in PerObjective', () => {
    const { objectiveRef: _objective, ...spec } = perObjective;
    expect(render(spec, here)).toEqual({
      outcome: {
        kind: 'refused',
        condition: 'RenderFailure',
        reason: 'MissingObjectiveRef',
        message: 'objectiveRef is required when mode is PerObjective',
        retry: false,
      },
      observed,
    });
  });

  test.each([perObjective, { ...poolOnly, objectiveRef: { name: 'objective-a' } }])(
    'must be there where it is named, in $mode too',
    (spec) => {
      expect(render(spec, { ...here, objectives: { [llmd]: serve() } })).toEqual({
        outcome: refusal(
          'TargetObjectiveNotFound',
          `objectiveRef "objective-a" was not found in namespace "default" (looked in ${llmd})`,
        ),
        observed,
      });
    },
  );

  test('waits for a CRD where no group of objectives is served', () => {
    const objectives = { [llmd]: 'unserved', [x]: 'unserved', [v1]: 'unserved' } as const;
    expect(render(perObjective, { ...here, objectives })).toEqual({
      outcome: refusal('InferenceObjectiveCRDMissing', 'InferenceObjective CRD is not installed', true),
      observed,
    });
  });

  test('is remembered together with the pool', () => {
    expect(render(perObjective, here).observed).toEqual({
      ...observed,
      objective: { group: llmd, uid: 'uid-of-objective-a', generation: 2 },
    });
  });

  test.each<[string, Sources['objectives'], string]>([
    [
      'llm-d.ai, where all serve it',
      { [llmd]: serve(objective), [x]: serve(objective), [v1]: serve(objective) },
      llmd,
    ],
    [
      'the older group, before the seldom one',
      { [llmd]: serve(), [x]: serve(objective), [v1]: serve(objective) },
      x,
    ],
    ['the one group that serves it', { [llmd]: 'unserved', [x]: 'unserved', [v1]: serve(objective) }, v1],
  ])('is taken from %s', (_which, objectives, group) => {
    expect(render(perObjective, { ...here, objectives }).observed.objective?.group).toBe(group);
  });

  test('is looked for in all groups that are served', () => {
    const sources: Sources = { pools: { [v1]: serve(), [x]: serve() }, objectives: {} };
    expect(render(poolOnly, sources).outcome).toEqual(
      refusal(
        'TargetPoolNotFound',
        `poolRef "pool-a" was not found in namespace "default" (looked in ${v1} and ${x})`,
      ),
    );
  });

  test('is looked for in the group that the reference names alone', () => {
    const spec = { ...perObjective, objectiveRef: { name: 'objective-a', group: v1 } };
    const objectives: Sources['objectives'] = { [llmd]: serve(objective), [v1]: serve() };
    expect(render(spec, { ...here, objectives }).outcome).toMatchObject({
      reason: 'TargetObjectiveNotFound',
    });
  });

  test('may be named within blanks', () => {
    const spec = { ...perObjective, objectiveRef: { name: ' objective-a ', group: ` ${llmd} ` } };
    expect(render(spec, here).outcome).toMatchObject({
      value: { spiffeId: 'spiffe://example.org/ns/default/objective/objective-a' },
    });
  });

  test('cannot be called what no object is called', () => {
    expect(render({ ...perObjective, objectiveRef: { name: 'a/b' } }, here).outcome).toEqual(
      refusal(
        'InvalidObjectiveRef',
        'objectiveRef.name "a/b" is not the name of an object: expected lower case letters, digits, "-" and "."',
      ),
    );
  });

  test('cannot be of a group that serves none', () => {
    const spec = { ...perObjective, objectiveRef: { name: 'objective-a', group: 'example.com' } };
    expect(render(spec, here).outcome).toEqual(
      refusal(
        'InvalidObjectiveRef',
        `objectiveRef.group "example.com" is not supported: expected one of ${llmd}, ${x}, ${v1}`,
      ),
    );
  });
});

describe('the pool that an objective means', () => {
  test.each([
    ['by its name', { name: 'pool-a' }],
    ['within blanks', { name: ' pool-a ' }],
    ['with the group that its CRD fills in', { name: 'pool-a', group: v1, kind: 'InferencePool' }],
    ['with an empty group and kind', { name: 'pool-a', group: '', kind: '' }],
    ['in its own namespace', { name: 'pool-a', namespace: 'default' }],
  ])('is the binding’s %s', (_how, poolRef) => {
    expect(render(perObjective, createSources(pool, createObjective(poolRef))).outcome.kind).toBe('done');
  });

  test.each([
    [
      'of another name',
      { name: 'pool-other' },
      'objectiveRef "objective-a" points at poolRef "default/pool-other", want "default/pool-a"',
    ],
    [
      'without a name',
      {},
      'objectiveRef "objective-a": poolRef.name is not usable: expected the name of an InferencePool',
    ],
    [
      'of an unknown group',
      { name: 'pool-a', group: 'inference.example.com' },
      `objectiveRef "objective-a" points at poolRef group "inference.example.com", want "${v1}"`,
    ],
    [
      'of another group that is served',
      { name: 'pool-a', group: x },
      `objectiveRef "objective-a" points at poolRef group "${x}", want "${v1}"`,
    ],
    [
      'in another namespace',
      { name: 'pool-a', namespace: 'other' },
      'objectiveRef "objective-a" points at poolRef "other/pool-a": cross-namespace poolRef is not allowed',
    ],
    [
      'of another kind',
      { name: 'pool-a', kind: 'Service' },
      'objectiveRef "objective-a": poolRef.kind is not usable: expected InferencePool, or none',
    ],
    [
      'of a kind that is no text',
      { name: 'pool-a', kind: 1 },
      'objectiveRef "objective-a": poolRef.kind is not usable: expected InferencePool, or none',
    ],
    [
      'of a group that is no text',
      { name: 'pool-a', group: true },
      'objectiveRef "objective-a": poolRef.group is not usable: expected an API group, or none',
    ],
    [
      'in a namespace that is no text',
      { name: 'pool-a', namespace: [] },
      'objectiveRef "objective-a": poolRef.namespace is not usable: expected the namespace of the objective, or none',
    ],
    [
      'that is no reference',
      'pool-a',
      'objectiveRef "objective-a": poolRef is not usable: expected the name of an InferencePool in the same namespace',
    ],
  ])('cannot be one %s', (_which, poolRef, message) => {
    const { outcome } = render(perObjective, createSources(pool, createObjective(poolRef)));
    expect(outcome).toEqual(refusal('InvalidObjectiveRef', message));
  });

  test('must be said by an objective that has no spec at all', () => {
    const { spec: _spec, ...bare } = objective;
    expect(render(perObjective, createSources(pool, bare)).outcome).toMatchObject({
      reason: 'InvalidObjectiveRef',
    });
  });

  test('is none of the older group where its CRD filled in the present one', () => {
    const pools = { [v1]: 'unserved', [x]: serve(createPool({ app: 'a' })) } as const;
    const objectives = { [llmd]: serve(createObjective({ name: 'pool-a', group: v1 })) };
    expect(render(perObjective, { pools, objectives }).outcome).toEqual(
      refusal(
        'InvalidObjectiveRef',
        `objectiveRef "objective-a" points at poolRef group "${v1}", want "${x}"`,
      ),
    );
  });

  test('is checked in PoolOnly too, where an objective is named', () => {
    const spec = { ...poolOnly, objectiveRef: { name: 'objective-a' } };
    const sources = createSources(pool, createObjective({ name: 'pool-other' }));
    expect(render(spec, sources).outcome).toMatchObject({ reason: 'InvalidObjectiveRef' });
  });

  test('is ambiguous where two groups serve the objective and mean different pools', () => {
    const objectives: Sources['objectives'] = {
      [llmd]: serve(objective),
      [x]: serve(createObjective({ name: 'pool-other' })),
    };
    expect(render(perObjective, { ...here, objectives }).outcome).toEqual(
      refusal(
        'AmbiguousObjectiveRef',
        `objectiveRef "objective-a" is served by ${llmd} and by ${x} and they point at different pools: set objectiveRef.group`,
      ),
    );
  });

  test('is what the reference’s group says where two groups serve the objective', () => {
    const spec = { ...perObjective, objectiveRef: { name: 'objective-a', group: llmd } };
    const objectives: Sources['objectives'] = {
      [llmd]: serve(objective),
      [x]: serve(createObjective({ name: 'pool-other' })),
    };
    expect(render(spec, { ...here, objectives }).outcome.kind).toBe('done');
  });
});
