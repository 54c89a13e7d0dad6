import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createBinding,
  createObjective,
  createPool,
  exampleSettings,
  serve,
} from '../../test/support/inference.ts';
import type { Binding, BindingSpec } from '../api/binding.ts';
import type { Output } from '../api/cluster-spiffe-id.ts';
import type { NewOutput } from '../api/new-output.ts';
import { compareText, toCanonical } from './canonical.ts';
import { toHeldKey } from './collision-key.ts';
import { isAsWritten } from './content.ts';
import { isDnsLabel, isLabelValue } from './object-names.ts';
import { parseOwner } from './ownership.ts';
import { type Identity, findKey, renderIdentity } from './render-identity.ts';
import type { Settings } from './settings.ts';
import type { Sources } from './sources.ts';

/** Everything from which an identity is rendered. */
interface Input {
  readonly binding: Binding;
  readonly sources: Sources;
  readonly settings: Settings;
}

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
const objectName = fc.oneof(
  fc.constantFrom('a', 'a-b', 'a.b', 'constructor', '0', 'b'.repeat(253), `${'long-'.repeat(20)}x`),
  fc.stringMatching(/^[a-z]([-a-z0-9]{0,40}[a-z0-9])?$/),
);
const containerName = fc.constantFrom('main', 'sidecar', 'c'.repeat(63));
const containerImage = fc.constantFrom(`docker.io/a@${digest}`, `localhost:5000/a/b@${digest}`);
const labelKey = fc.constantFrom(
  'app',
  'role',
  'B',
  'constructor',
  'app.kubernetes.io/name',
  'a.b/c',
  '1',
  '10',
);
const labelValue = fc.constantFrom('x', 'y', 'model-server', 'decode.v1', 'A_b', '0');
const labels = fc.dictionary(labelKey, labelValue, { minKeys: 1, maxKeys: 5 });
const podLabels = fc.option(fc.dictionary(labelKey, labelValue, { maxKeys: 4 }), { nil: undefined });

const legalSpec: fc.Arbitrary<BindingSpec> = fc.oneof(
  fc.record({
    poolRef: fc.constant({ name: 'pool-a' }),
    serviceAccountName: objectName,
    mode: fc.constant('PoolOnly' as const),
  }),
  fc.record(
    {
      poolRef: fc.constant({ name: 'pool-a' }),
      objectiveRef: fc.constantFrom({ name: 'objective-a' }, { name: 'objective-b' }),
      serviceAccountName: objectName,
      mode: fc.constant('PerObjective' as const),
      containerName,
      containerImage,
    },
    { requiredKeys: ['poolRef', 'objectiveRef', 'serviceAccountName', 'containerName'] },
  ),
);
const legal: fc.Arbitrary<Input & { readonly pods: Record<string, string> }> = fc
  .record({
    spec: legalSpec,
    name: objectName,
    namespace: fc.constantFrom('default', 'team-a', 'n'.repeat(63)),
    pool: labels,
    podLabels,
    isFlat: fc.boolean(),
    className: fc.constantFrom(undefined, 'kleym'),
    namespaceSelector: fc.boolean(),
  })
  .map(({ spec, name, namespace, pool, podLabels: own, isFlat, className, namespaceSelector }) => ({
    // What the pool says is so: then nothing contradicts it.
    binding: createBinding(
      own ? { ...spec, podLabels: { ...own, ...common(own, pool) } } : spec,
      name,
      namespace,
    ),
    sources: toSources(isFlat ? pool : { matchLabels: pool }, ['objective-a', 'objective-b']),
    settings: { ...exampleSettings, className, namespaceSelector },
    pods: { ...own, ...pool },
  }));

function common(own: Record<string, string>, pool: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(pool).filter(([key]) => Object.hasOwn(own, key)));
}

/** Texts that somebody would try: templates, paths, line ends, and things that look right at one end. */
const hostileText = fc.oneof(
  fc.constantFrom(
    '{{.PodMeta.Name}}',
    '{{',
    '}}',
    'a{{b',
    '../..',
    '..',
    '',
    ' ',
    'a\nb',
    'a\0',
    '__proto__',
    'constructor',
    'k8s:sa:other',
    'a:b',
    'a/b',
    'A',
    'ä',
    '😀',
    '\u202e',
    'x'.repeat(3000),
  ),
  fc
    .tuple(
      fc.constantFrom('main', 'pool-a', 'docker.io/a'),
      fc.constantFrom('{{x}}', '\n{{x}}', ' ', `@${digest}{{`),
    )
    .map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 12 }),
);
/** Mostly right, so that what is wrong gets far. */
function mostly<T>(right: T): fc.Arbitrary<T | string> {
  return fc.oneof({ weight: 15, arbitrary: fc.constant(right) }, { weight: 1, arbitrary: hostileText });
}
const hostile: fc.Arbitrary<Input> = fc
  .record({
    poolName: mostly('pool-a'),
    objectiveName: mostly('objective-a'),
    group: fc.oneof({ weight: 8, arbitrary: fc.constant('') }, { weight: 1, arbitrary: hostileText }),
    serviceAccountName: mostly('inference-sa'),
    mode: fc.constantFrom('PoolOnly' as const, 'PerObjective' as const, undefined),
    container: fc.oneof(fc.constantFrom('', 'main'), mostly('main')),
    image: fc.oneof(fc.constant(''), fc.constant(''), mostly(`docker.io/a@${digest}`)),
    name: mostly('binding-a'),
    namespace: mostly('default'),
    trustDomain: mostly('example.org'),
    podLabels: fc.oneof(
      { weight: 4, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.dictionary(mostly('role'), mostly('prefill'), { maxKeys: 3 }) },
    ),
    selector: fc.oneof(
      labels.map((matchLabels) => ({ matchLabels })),
      labels,
      fc.dictionary(mostly('app'), mostly('x'), { maxKeys: 3 }),
      fc.dictionary(mostly('app'), mostly('x'), { maxKeys: 3 }).map((matchLabels) => ({ matchLabels })),
      fc.anything(),
    ),
    poolRef: fc.oneof(
      { weight: 6, arbitrary: fc.constant({ name: 'pool-a' }) },
      { weight: 2, arbitrary: fc.record({ name: mostly('pool-a'), group: mostly('') }) },
      { weight: 1, arbitrary: fc.anything() },
    ),
  })
  .map((given) => ({
    binding: createBinding(
      {
        poolRef: { name: given.poolName, group: given.group },
        objectiveRef: { name: given.objectiveName },
        serviceAccountName: given.serviceAccountName,
        ...(given.mode && { mode: given.mode }),
        containerName: given.container,
        containerImage: given.image,
        ...(given.podLabels && { podLabels: given.podLabels }),
      },
      given.name,
      given.namespace,
    ),
    // Whatever is asked for is there: only what it is called can be wrong.
    sources: toSources(given.selector, [given.objectiveName.trim()], given.poolName.trim(), given.poolRef),
    settings: { ...exampleSettings, trustDomain: given.trustDomain },
  }));

function toSources(
  selector: unknown,
  objectives: readonly string[],
  poolName = 'pool-a',
  poolRef: unknown = { name: poolName },
): Sources {
  return {
    pools: { 'inference.networking.k8s.io': serve(createPool(selector, poolName)) },
    objectives: { 'llm-d.ai': serve(...objectives.map((name) => createObjective(poolRef, name))) },
  };
}

function render({ binding, sources, settings }: Input) {
  return renderIdentity(binding, sources, settings).outcome;
}

function identityOf(input: Input): Identity {
  const outcome = render(input);
  if (outcome.kind === 'refused') throw new Error(outcome.message);
  return outcome.value;
}

/** An output as the API server hands it out once it was created. */
function create({ metadata, spec }: NewOutput): Output {
  const copy = structuredClone({ metadata, spec });
  return { metadata: { ...copy.metadata, uid: 'u', resourceVersion: '1' }, spec: copy.spec };
}

describe('for every legal binding', () => {
  test('the selectors are sorted, unique, and exactly the namespace, the service account, every label and what narrows it', () => {
    fc.assert(
      fc.property(legal, (input) => {
        const { selectors } = identityOf(input);
        const { spec, metadata } = input.binding;
        const expected = [
          `k8s:ns:${metadata.namespace}`,
          `k8s:sa:${spec.serviceAccountName}`,
          ...Object.entries(input.pods).map(([key, value]) => `k8s:pod-label:${key}:${value}`),
          ...(spec.containerName ? [`k8s:container-name:${spec.containerName}`] : []),
          ...(spec.containerImage ? [`k8s:container-image:${spec.containerImage}`] : []),
        ];
        expect(selectors).toEqual(expected.toSorted(compareText));
        expect(new Set(selectors).size).toBe(selectors.length);
      }),
      { numRuns: 300 },
    );
  });

  test('the output holds the key of its binding, is ours, and says what we wrote', () => {
    fc.assert(
      fc.property(legal, (input) => {
        const { key, output } = identityOf(input);
        const created = create(output);
        const { name, namespace } = input.binding.metadata;
        expect(toHeldKey(created)).toBe(key);
        expect(parseOwner(created, namespace)).toBe(name);
        expect(isAsWritten(created)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('the output has a name and labels that the API server takes', () => {
    fc.assert(
      fc.property(legal, (input) => {
        const { name, labels: rendered } = identityOf(input).output.metadata;
        expect(isDnsLabel(name)).toBe(true);
        expect(Object.values(rendered).filter((value) => !isLabelValue(value))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test('the same input makes the same bytes, in whatever order its labels came', () => {
    fc.assert(
      fc.property(legal, (input) => {
        const selector = { matchLabels: Object.fromEntries(Object.entries(input.pods).toReversed()) };
        const sources = toSources(selector, ['objective-b', 'objective-a']);
        const again = identityOf({ ...structuredClone(input), sources });
        expect(JSON.stringify(again)).toBe(JSON.stringify(identityOf(input)));
      }),
      { numRuns: 300 },
    );
  });

  test('keys are equal exactly where pods, service account, container and image are', () => {
    fc.assert(
      fc.property(legal, legal, (one, other) => {
        const [a, b] = [identityOf(one).key, identityOf(other).key];
        fc.pre(a !== undefined && b !== undefined);
        expect(a === b).toBe(sliceOf(one) === sliceOf(other));
      }),
      { numRuns: 500 },
    );
  });

  test('keys are equal for another binding of the same slice', () => {
    fc.assert(
      fc.property(legal, objectName, (input, name) => {
        const { spec, metadata } = input.binding;
        fc.pre(spec.objectiveRef !== undefined);
        const peer = createBinding(
          { ...spec, objectiveRef: { name: 'objective-b' } },
          name,
          metadata.namespace,
        );
        expect(identityOf({ ...input, binding: peer }).key).toBe(identityOf(input).key);
      }),
    );
  });
});

test('a binding gets the same labels whether its pool says them or the binding itself', () => {
  fc.assert(
    fc.property(legal, (input) => {
      const { podLabels: _own, ...spec } = input.binding.spec;
      const { name, namespace } = input.binding.metadata;
      const wholly = {
        ...input,
        binding: createBinding(spec, name, namespace),
        sources: toSources(input.pods, ['objective-a', 'objective-b']),
      };
      expect(JSON.stringify(identityOf(input))).toBe(JSON.stringify(identityOf(wholly)));
    }),
    { numRuns: 300 },
  );
});

function sliceOf({ binding: { spec }, pods }: Input & { readonly pods: Record<string, string> }): string {
  return toCanonical([
    pods,
    spec.serviceAccountName,
    spec.containerName ?? null,
    spec.containerImage ?? null,
  ]);
}

describe('whatever is asked for', () => {
  test('it is rendered or refused, and never thrown out', () => {
    fc.assert(
      fc.property(hostile, (input) => {
        expect(['done', 'refused']).toContain(render(input).kind);
      }),
      { numRuns: 1000 },
    );
  });

  test('nothing that SPIRE evaluates holds the beginning of a template', () => {
    fc.assert(
      fc.property(hostile, (input) => {
        const outcome = render(input);
        // The name of a binding is the API server's to check, and a hint is no template: it is not in what is evaluated.
        const evaluated = outcome.kind === 'done' ? { ...outcome.value.output.spec, hint: '' } : {};
        expect(JSON.stringify(evaluated)).not.toContain('{{');
      }),
      { numRuns: 1000 },
    );
  });

  test('nothing at all that is rendered for a binding with a legal name holds one', () => {
    fc.assert(
      fc.property(hostile, objectName, ({ binding, ...input }, name) => {
        const outcome = render({
          ...input,
          binding: { ...binding, metadata: { ...binding.metadata, name, uid: 'u' } },
        });
        expect(JSON.stringify(outcome.kind === 'done' ? outcome.value : {})).not.toContain('{{');
      }),
      { numRuns: 1000 },
    );
  });

  test('every selector is one that SPIRE can attest: printable, and of a known kind', () => {
    fc.assert(
      fc.property(hostile, (input) => {
        const outcome = render(input);
        const selectors = outcome.kind === 'done' ? outcome.value.selectors : [];
        const known = /^k8s:(ns|sa|pod-label|container-name|container-image):[a-zA-Z0-9._/:@-]+$/;
        expect(selectors.filter((selector) => !known.test(selector))).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  test('some of it is rendered and some refused, or these tests would say nothing', () => {
    const kinds = fc.sample(hostile, { numRuns: 500, seed: 1 }).map((input) => render(input).kind);
    expect(kinds.filter((kind) => kind === 'done').length).toBeGreaterThan(20);
    expect(kinds.filter((kind) => kind === 'refused').length).toBeGreaterThan(20);
  });
});

test('the key that is found without rendering is that of the rendering, for every binding, legal or not', () => {
  fc.assert(
    fc.property(fc.oneof(legal, hostile), ({ binding, sources, settings }) => {
      const { outcome } = renderIdentity(binding, sources, settings);
      const key = outcome.kind === 'done' ? outcome.value.key : undefined;
      expect(findKey(binding, sources, settings)).toBe(key);
    }),
    { numRuns: 1_000 },
  );
});
