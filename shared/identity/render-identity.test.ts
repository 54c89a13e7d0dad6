import { describe, expect, test } from 'vitest';
import {
  createBinding,
  createPool,
  createSources,
  exampleSettings,
  perObjective,
  poolOnly,
} from '../../test/support/inference.ts';
import type { BindingSpec } from '../api/binding.ts';
import { outputAnnotations, outputLabels } from '../api/cluster-spiffe-id.ts';
import { toContentDigest } from './content.ts';
import { toLabelValue } from './label-value.ts';
import { parseOwner } from './ownership.ts';
import { type Identity, nameOutput, renderIdentity } from './render-identity.ts';
import type { Settings } from './settings.ts';

interface Given {
  readonly selector?: unknown;
  readonly settings?: Partial<Settings>;
  readonly name?: string;
}

function render(spec: BindingSpec, { selector, settings, name }: Given = {}) {
  const sources = createSources(createPool(selector));
  return renderIdentity(createBinding(spec, name), sources, { ...exampleSettings, ...settings }).outcome;
}

function identityOf(spec: BindingSpec, given?: Given): Identity {
  const outcome = render(spec, given);
  if (outcome.kind === 'refused') throw new Error(outcome.message);
  return outcome.value;
}

describe('what is rendered', () => {
  test('for an objective is one output, complete', () => {
    const { output, ...identity } = identityOf(perObjective, {
      settings: { trustDomain: 'kleym.sonda.red' },
    });
    const selectors = [
      'k8s:container-name:main',
      'k8s:ns:default',
      'k8s:pod-label:app:model-server',
      'k8s:sa:inference-sa',
    ];
    expect(identity).toEqual({
      mode: 'PerObjective',
      spiffeId: 'spiffe://kleym.sonda.red/ns/default/objective/objective-a',
      selectors,
      key: '{"container":"main","pods":{"app":"model-server"},"serviceAccount":"inference-sa"}',
      keyDigest: '765cfb1494a8dc5e7cc497d42cc483f7',
    });
    expect(output).toEqual({
      metadata: {
        name: 'kleym-default-binding-a-objective-3ace974d',
        labels: {
          'kleym.sonda.red/managed-by': 'kleym',
          'kleym.sonda.red/binding-name': 'binding-a',
          'kleym.sonda.red/binding-namespace': 'default',
          'kleym.sonda.red/service-account': 'inference-sa',
          'kleym.sonda.red/key': '765cfb1494a8dc5e7cc497d42cc483f7',
        },
        annotations: {
          'kleym.sonda.red/binding-uid': 'uid-of-binding-a',
          'kleym.sonda.red/binding-name': 'binding-a',
          'kleym.sonda.red/content': toContentDigest(output),
        },
      },
      spec: {
        spiffeIDTemplate: 'spiffe://kleym.sonda.red/ns/default/objective/objective-a',
        podSelector: { matchLabels: { app: 'model-server' } },
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'default' } },
        workloadSelectorTemplates: selectors,
        fallback: false,
        hint: 'default/binding-a',
      },
    });
  });

  test('for a pool is its SPIFFE ID, without a container and without a claim', () => {
    expect(identityOf(poolOnly)).toMatchObject({
      mode: 'PoolOnly',
      spiffeId: 'spiffe://example.org/ns/default/pool/pool-a',
      selectors: ['k8s:ns:default', 'k8s:pod-label:app:model-server', 'k8s:sa:inference-sa'],
      key: undefined,
      output: { metadata: { name: 'kleym-default-binding-a-pool-02767e7b' } },
    });
  });

  test('renders the objective’s SPIFFE ID under the trust domain, and its container', () => {
    const { spiffeId, selectors } = identityOf(perObjective);
    expect(spiffeId).toBe('spiffe://example.org/ns/default/objective/objective-a');
    expect(selectors).toContain('k8s:container-name:main');
  });

  test('is PerObjective where no mode is given', () => {
    const { mode: _mode, ...spec } = perObjective;
    expect(identityOf(spec)).toEqual(identityOf(perObjective));
  });

  test('turns the flat selector of the older group into labels', () => {
    const { output, selectors } = identityOf(poolOnly, {
      selector: { app: 'model-server', role: 'prefill' },
    });
    expect(output.spec.podSelector).toEqual({ matchLabels: { app: 'model-server', role: 'prefill' } });
    expect(selectors).toEqual([
      'k8s:ns:default',
      'k8s:pod-label:app:model-server',
      'k8s:pod-label:role:prefill',
      'k8s:sa:inference-sa',
    ]);
  });

  test('has its class in the spec and as the label that SPIRE filters on, where one is configured', () => {
    const { output } = identityOf(perObjective, { settings: { className: 'kleym' } });
    expect(output.spec.className).toBe('kleym');
    expect(output.metadata.labels[outputLabels.className]).toBe('kleym');
  });

  test('has no class where none is configured', () => {
    const { output } = identityOf(perObjective);
    expect(output.spec).not.toHaveProperty('className');
    expect(output.metadata.labels).not.toHaveProperty([outputLabels.className]);
  });

  test('says the shape of its key where overlaps are refused, and only there', () => {
    const shape = 'a3cceacbbd1b6e1212dea83f88b38b04';
    const refusing = identityOf(perObjective, { settings: { overlapPolicy: 'refuse' } });
    expect(refusing.keyShape).toBe(shape);
    expect(refusing.output.metadata.labels['kleym.sonda.red/key-shape']).toBe(shape);
    const reporting = identityOf(perObjective);
    expect(reporting.keyShape).toBeUndefined();
    expect(reporting.output.metadata.labels).not.toHaveProperty([outputLabels.keyShape]);
    const { keyShape, output } = identityOf(poolOnly, { settings: { overlapPolicy: 'refuse' } });
    expect(keyShape).toBeUndefined();
    expect(output.metadata.labels).not.toHaveProperty([outputLabels.keyShape]);
  });

  test('is not confined to the namespace where that is switched off', () => {
    const { output } = identityOf(perObjective, { settings: { namespaceSelector: false } });
    expect(output.spec).not.toHaveProperty('namespaceSelector');
  });

  test('for a binding with a long name has it in full in the hint and an annotation, and short in the label', () => {
    const name = `${'b'.repeat(200)}.x`;
    const { metadata, spec } = identityOf(perObjective, { name }).output;
    expect(metadata.labels[outputLabels.bindingName]).toBe(toLabelValue(name));
    expect(metadata.annotations[outputAnnotations.bindingName]).toBe(name);
    expect(spec.hint).toBe(`default/${name}`);
    expect(parseOwner({ metadata: { ...metadata, uid: 'u', resourceVersion: '1' }, spec }, 'default')).toBe(
      name,
    );
  });

  test('for a long service account has it in full in the selector, and short in the label', () => {
    const serviceAccountName = 's'.repeat(253);
    const { output, selectors } = identityOf({ ...perObjective, serviceAccountName });
    expect(selectors).toContain(`k8s:sa:${serviceAccountName}`);
    expect(output.metadata.labels[outputLabels.serviceAccount]).toBe(toLabelValue(serviceAccountName));
  });
});

describe('a binding without pod labels', () => {
  const image = `registry.example.org/models/llama@sha256:${'0123456789abcdef'.repeat(4)}`;

  /** What the version before pod labels rendered, with a class. */
  test.each<[string, BindingSpec, unknown, string]>([
    [
      'an objective',
      perObjective,
      undefined,
      '{"mode":"PerObjective","spiffeId":"spiffe://example.org/ns/default/objective/objective-a","selectors":["k8s:container-name:main","k8s:ns:default","k8s:pod-label:app:model-server","k8s:sa:inference-sa"],"key":"{\\"container\\":\\"main\\",\\"pods\\":{\\"app\\":\\"model-server\\"},\\"serviceAccount\\":\\"inference-sa\\"}","keyDigest":"765cfb1494a8dc5e7cc497d42cc483f7","output":{"metadata":{"name":"kleym-default-binding-a-objective-046c582e","labels":{"kleym.sonda.red/managed-by":"kleym","kleym.sonda.red/binding-name":"binding-a","kleym.sonda.red/binding-namespace":"default","kleym.sonda.red/service-account":"inference-sa","kleym.sonda.red/key":"765cfb1494a8dc5e7cc497d42cc483f7","spire.spiffe.io/class-name":"kleym"},"annotations":{"kleym.sonda.red/binding-uid":"uid-of-binding-a","kleym.sonda.red/binding-name":"binding-a","kleym.sonda.red/content":"8ad77923e3c4192244771769ea2d64e0"}},"spec":{"spiffeIDTemplate":"spiffe://example.org/ns/default/objective/objective-a","podSelector":{"matchLabels":{"app":"model-server"}},"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"default"}},"workloadSelectorTemplates":["k8s:container-name:main","k8s:ns:default","k8s:pod-label:app:model-server","k8s:sa:inference-sa"],"className":"kleym","fallback":false,"hint":"default/binding-a"}}}',
    ],
    [
      'a pool',
      poolOnly,
      undefined,
      '{"mode":"PoolOnly","spiffeId":"spiffe://example.org/ns/default/pool/pool-a","selectors":["k8s:ns:default","k8s:pod-label:app:model-server","k8s:sa:inference-sa"],"output":{"metadata":{"name":"kleym-default-binding-a-pool-02767e7b","labels":{"kleym.sonda.red/managed-by":"kleym","kleym.sonda.red/binding-name":"binding-a","kleym.sonda.red/binding-namespace":"default","kleym.sonda.red/service-account":"inference-sa","kleym.sonda.red/key":"none","spire.spiffe.io/class-name":"kleym"},"annotations":{"kleym.sonda.red/binding-uid":"uid-of-binding-a","kleym.sonda.red/binding-name":"binding-a","kleym.sonda.red/content":"e0c46e8023ed412883e2630cb1aea242"}},"spec":{"spiffeIDTemplate":"spiffe://example.org/ns/default/pool/pool-a","podSelector":{"matchLabels":{"app":"model-server"}},"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"default"}},"workloadSelectorTemplates":["k8s:ns:default","k8s:pod-label:app:model-server","k8s:sa:inference-sa"],"className":"kleym","fallback":false,"hint":"default/binding-a"}}}',
    ],
    [
      'an image, on a flat selector whose keys JavaScript puts into an order of its own',
      { ...perObjective, containerImage: image },
      { role: 'prefill', app: 'model-server', '10': 'x', '9': 'y' },
      '{"mode":"PerObjective","spiffeId":"spiffe://example.org/ns/default/objective/objective-a","selectors":["k8s:container-image:registry.example.org/models/llama@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","k8s:container-name:main","k8s:ns:default","k8s:pod-label:10:x","k8s:pod-label:9:y","k8s:pod-label:app:model-server","k8s:pod-label:role:prefill","k8s:sa:inference-sa"],"key":"{\\"container\\":\\"main\\",\\"image\\":\\"registry.example.org/models/llama@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\\",\\"pods\\":{\\"10\\":\\"x\\",\\"9\\":\\"y\\",\\"app\\":\\"model-server\\",\\"role\\":\\"prefill\\"},\\"serviceAccount\\":\\"inference-sa\\"}","keyDigest":"0670c163dbc5b1b110430e8604e105bc","output":{"metadata":{"name":"kleym-default-binding-a-objective-046c582e","labels":{"kleym.sonda.red/managed-by":"kleym","kleym.sonda.red/binding-name":"binding-a","kleym.sonda.red/binding-namespace":"default","kleym.sonda.red/service-account":"inference-sa","kleym.sonda.red/key":"0670c163dbc5b1b110430e8604e105bc","spire.spiffe.io/class-name":"kleym"},"annotations":{"kleym.sonda.red/binding-uid":"uid-of-binding-a","kleym.sonda.red/binding-name":"binding-a","kleym.sonda.red/content":"13a1cf7367c575e969b514769ecfbe34"}},"spec":{"spiffeIDTemplate":"spiffe://example.org/ns/default/objective/objective-a","podSelector":{"matchLabels":{"9":"y","10":"x","app":"model-server","role":"prefill"}},"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"default"}},"workloadSelectorTemplates":["k8s:container-image:registry.example.org/models/llama@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","k8s:container-name:main","k8s:ns:default","k8s:pod-label:10:x","k8s:pod-label:9:y","k8s:pod-label:app:model-server","k8s:pod-label:role:prefill","k8s:sa:inference-sa"],"className":"kleym","fallback":false,"hint":"default/binding-a"}}}',
    ],
  ])('is rendered byte for byte as before there were any: %s', (_what, spec, selector, before) => {
    const given = { selector, settings: { className: 'kleym' } };
    expect(JSON.stringify(identityOf(spec, given))).toBe(before);
    expect(JSON.stringify(identityOf({ ...spec, podLabels: {} }, given))).toBe(before);
  });
});

describe('pod labels', () => {
  const prefill = { ...perObjective, podLabels: { 'llm-d.ai/role': 'prefill' } };

  test('stand beside those of the pool, in the pod selector, in the selectors and in the key', () => {
    const { key, selectors, output } = identityOf(prefill);
    expect(key).toBe(
      '{"container":"main","pods":{"app":"model-server","llm-d.ai/role":"prefill"},"serviceAccount":"inference-sa"}',
    );
    expect(selectors).toEqual([
      'k8s:container-name:main',
      'k8s:ns:default',
      'k8s:pod-label:app:model-server',
      'k8s:pod-label:llm-d.ai/role:prefill',
      'k8s:sa:inference-sa',
    ]);
    expect(output.spec.podSelector).toEqual({
      matchLabels: { app: 'model-server', 'llm-d.ai/role': 'prefill' },
    });
  });

  test('narrow a PoolOnly binding too, which still claims nothing for itself', () => {
    const { key, selectors, output } = identityOf({ ...poolOnly, podLabels: prefill.podLabels });
    expect(key).toBeUndefined();
    expect(selectors).toContain('k8s:pod-label:llm-d.ai/role:prefill');
    expect(output.spec.podSelector?.matchLabels).toEqual({
      app: 'model-server',
      'llm-d.ai/role': 'prefill',
    });
  });

  test('leave the SPIFFE ID and the name of the output as they are', () => {
    const [one, other] = [identityOf(perObjective), identityOf(prefill)];
    expect(other.spiffeId).toBe(one.spiffeId);
    expect(other.output.metadata.name).toBe(one.output.metadata.name);
  });

  test('that the pool has too, with the same values, change nothing', () => {
    const same = identityOf({ ...perObjective, podLabels: { app: 'model-server' } });
    expect(JSON.stringify(same)).toBe(JSON.stringify(identityOf(perObjective)));
  });

  test('mean the same pods as those labels in the pool: one key', () => {
    const selector = { app: 'model-server', 'llm-d.ai/role': 'prefill' };
    expect(identityOf(perObjective, { selector }).key).toBe(identityOf(prefill).key);
  });

  test('are looked at last, after the workload', () => {
    const podLabels = { app: 'other' };
    expect(render({ ...perObjective, containerName: 'a b', podLabels })).toMatchObject({
      reason: 'InvalidContainerName',
    });
  });

  test('that contradict the pool are refused', () => {
    expect(render({ ...perObjective, podLabels: { app: 'other' } })).toEqual({
      kind: 'refused',
      condition: 'RenderFailure',
      reason: 'InvalidPodLabels',
      message: 'podLabels: label "app" is "other", but the pool selects pods by "model-server"',
      retry: false,
    });
  });
});

describe('what is refused', () => {
  test.each<[string, BindingSpec, Given, string, string]>([
    [
      'a service account with a blank',
      { ...perObjective, serviceAccountName: ' inference-sa' },
      {},
      'RenderFailure',
      'InvalidServiceAccountName',
    ],
    [
      'a service account with capitals',
      { ...poolOnly, serviceAccountName: 'Invalid_ServiceAccount' },
      {},
      'RenderFailure',
      'InvalidServiceAccountName',
    ],
    [
      'a container with a blank',
      { ...perObjective, containerName: 'main ' },
      {},
      'RenderFailure',
      'InvalidContainerName',
    ],
    [
      'a container in PoolOnly',
      { ...poolOnly, containerName: 'main' },
      {},
      'RenderFailure',
      'UnexpectedContainerName',
    ],
    [
      'a missing trust domain',
      perObjective,
      { settings: { trustDomain: '' } },
      'RenderFailure',
      'MissingTrustDomain',
    ],
    [
      'a trust domain with capitals',
      perObjective,
      { settings: { trustDomain: 'Example.ORG' } },
      'RenderFailure',
      'InvalidTrustDomain',
    ],
    [
      'a label that is no text',
      perObjective,
      { selector: { matchLabels: { app: 1 } } },
      'UnsafeSelector',
      'InvalidPoolSelector',
    ],
    [
      'expressions, even none',
      perObjective,
      { selector: { matchLabels: { app: 'x' }, matchExpressions: [] } },
      'UnsafeSelector',
      'InvalidPoolSelector',
    ],
    [
      'a container with a blank, by its key too',
      { ...perObjective, containerName: ' main' },
      {},
      'RenderFailure',
      'InvalidContainerName',
    ],
  ])('is %s', (_what, spec, given, condition, reason) => {
    expect(render(spec, given)).toMatchObject({ kind: 'refused', condition, reason, retry: false });
  });

  test.each([
    [
      'a selector before the SPIFFE ID',
      perObjective,
      { selector: {}, settings: { trustDomain: '' } },
      'InvalidPoolSelector',
    ],
    [
      'the SPIFFE ID before the workload',
      { ...perObjective, containerName: 'a b' },
      { settings: { trustDomain: '' } },
      'MissingTrustDomain',
    ],
  ])('is first %s', (_what, spec, given, reason) => {
    expect(render(spec, given)).toMatchObject({ reason });
  });
});

describe('the keys of two bindings', () => {
  test('are one for one slice, whatever their objectives and names are', () => {
    const other = identityOf({ ...perObjective, serviceAccountName: 'inference-sa' }, { name: 'binding-b' });
    expect(other.key).toBe(identityOf(perObjective).key);
    expect(other.output.metadata.name).not.toBe(identityOf(perObjective).output.metadata.name);
  });

  test('are one whether the pool says its labels flat or not', () => {
    expect(identityOf(perObjective, { selector: { app: 'model-server' } }).key).toBe(
      identityOf(perObjective).key,
    );
  });

  test('differ for different containers and service accounts', () => {
    const key = identityOf(perObjective).key;
    expect(identityOf({ ...perObjective, containerName: 'sidecar' }).key).not.toBe(key);
    expect(identityOf({ ...perObjective, serviceAccountName: 'other-sa' }).key).not.toBe(key);
  });
});

describe('the name of an output', () => {
  test.each([perObjective, poolOnly])('is known before anything is looked up ($mode)', (spec) => {
    expect(nameOutput(createBinding(spec), exampleSettings)).toBe(identityOf(spec).output.metadata.name);
  });

  test('is none where the spec cannot be rendered', () => {
    const { objectiveRef: _objective, ...spec } = perObjective;
    expect(nameOutput(createBinding(spec), exampleSettings)).toBeUndefined();
    expect(nameOutput(createBinding(perObjective), { ...exampleSettings, trustDomain: '' })).toBeUndefined();
  });
});
