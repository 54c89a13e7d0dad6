import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { bindingFinalizer } from '../../shared/api/binding.ts';
import { renderIdentity } from '../../shared/identity/render-identity.ts';
import { findWrongSettings } from '../../shared/runtime/config.ts';
import { binding } from '../support/manifests.ts';
import {
  createBinding,
  createObjective,
  createPool,
  createSources,
  exampleSettings,
} from '../support/inference.ts';
import { type Answer, type Manifest, type Stored, toListPath, toPath } from '../support/kube-client.ts';
import { applyJsonPatch, findManifest, readOfferedPatches } from '../support/kustomization.ts';
import {
  type InstalledKleym,
  admissionPolicies,
  installKleym,
  outputsPath,
  reconcileAccount,
  untilInForce,
} from './installed-kleym.ts';

let kleym: InstalledKleym;

beforeAll(async () => {
  // Of Kubernetes 1.34 and 1.35 as they come, the API server does not serve MutatingAdmissionPolicies.
  kleym = await installKleym({
    apiserverArgs: [
      '--feature-gates=MutatingAdmissionPolicy=true',
      '--runtime-config=admissionregistration.k8s.io/v1beta1=true',
    ],
  });
  await kleym.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team-a' } });
});

afterAll(async () => {
  await kleym.plane.stop();
});

/** People who may do everything, as far as RBAC is concerned. */
const alice = { user: 'alice', groups: ['system:masters'] };
const breakGlass = { user: 'alice', groups: ['system:masters', 'kleym:break-glass'] };
const reconcile = { user: reconcileAccount };
const operator = 'system:serviceaccount:kleym-system:kleym-operator';
const collector = { user: 'system:serviceaccount:kube-system:generic-garbage-collector' };
const spireController = { user: 'spire-controller-manager', groups: ['system:masters'] };

type Who = typeof alice | typeof reconcile;
type Output = Manifest & { spec: Record<string, unknown>; metadata: { labels: Record<string, string> } };

const outputType = { apiVersion: 'spire.spiffe.io/v1alpha1', kind: 'ClusterSPIFFEID' };

/** What reconcile would write for a binding of this name, that selects more or less. */
function render(name: string, spec: object = {}, settings: object = {}): Output {
  const asked = createBinding(
    { ...(binding(name)['spec'] as ReturnType<typeof createBinding>['spec']), ...spec },
    name,
  );
  const { outcome } = renderIdentity(asked, createSources(createPool(), createObjective()), {
    ...exampleSettings,
    ...settings,
  });
  if (outcome.kind === 'refused') throw new Error(outcome.message);
  return { ...outputType, ...structuredClone(outcome.value.output) };
}

function merge(into: unknown, from: unknown): unknown {
  const areMaps = [into, from].every((one) => typeof one === 'object' && one !== null && !Array.isArray(one));
  if (!areMaps) return from;
  const [old, fresh] = [into as Record<string, unknown>, from as Record<string, unknown>];
  const entries = Object.entries(fresh).map(([key, value]) => [key, merge(old[key], value)]);
  return Object.fromEntries(
    Object.entries({ ...old, ...Object.fromEntries(entries) }).filter(([, value]) => value !== null),
  );
}

/** What comes about, wanted or not, ends with the test. */
function create(content: Manifest, who: Who): Promise<Answer> {
  onTestFinished(async () => void (await remove(content, breakGlass)));
  return kleym.ask({ method: 'POST', path: toListPath(content), content, ...who });
}

function patch(object: Manifest, content: object, who: Who, subresource = ''): Promise<Answer> {
  return kleym.ask({ method: 'PATCH', path: `${toPath(object)}${subresource}`, content, ...who });
}

/** As reconcile does it: the whole object as it was read, with what is to change. */
async function put(object: Manifest, change: object, who: Who): Promise<Answer> {
  const read = await kleym.must({ method: 'GET', path: toPath(object) });
  return kleym.ask({ method: 'PUT', path: toPath(object), content: merge(read, change), ...who });
}

function remove(object: Manifest, who: Who, content?: object): Promise<Answer> {
  return kleym.ask({ method: 'DELETE', path: toPath(object), ...(content && { content }), ...who });
}

async function given(output: Manifest): Promise<Stored> {
  const { status, message, object } = await create(output, reconcile);
  if (status === 201) return object;
  throw new Error(`not created: ${message}`);
}

/** What the API server answers where a policy refuses, with these words among its own. */
function refused(policy: string, ...words: string[]): unknown {
  const all = [`ValidatingAdmissionPolicy '${policy}'`, 'found ', 'expected ', ...words];
  const escaped = all.map((each) => each.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`));
  const message = expect.stringMatching(
    new RegExp(`^${escaped.map((each) => `(?=.*${each})`).join('')}`, 's'),
  );
  return expect.objectContaining({ status: 422, message });
}

/** What it answers where something is done. */
const done = expect.objectContaining({
  status: expect.toSatisfy((status: number) => status < 300),
  message: '',
});

describe('writing outputs', () => {
  const policy = 'kleym-output-writers';

  test('reconcile alone creates what is named or labelled as ours', async () => {
    const foreign = {
      ...outputType,
      metadata: { name: 'mine' },
      spec: { spiffeIDTemplate: 'spiffe://example.org/mine' },
    };
    const labelled = {
      ...foreign,
      metadata: { name: 'mine', labels: { 'kleym.sonda.red/managed-by': 'kleym' } },
    };
    const named = { ...foreign, metadata: { name: 'kleym-mine' } };
    expect(await create(labelled, alice)).toEqual(refused(policy, 'found alice creating', reconcileAccount));
    expect(await create(named, alice)).toEqual(refused(policy, 'found alice creating', 'take another name'));
    const generated = { ...foreign, metadata: { generateName: 'kleym-' } } as unknown as Manifest;
    expect(await create(generated, alice)).toEqual(refused(policy, 'found alice creating'));
    expect(await create(render('created'), reconcile)).toEqual(done);
    expect(await create(foreign, alice)).toEqual(done);
    expect(await patch(foreign, labelled, alice)).toEqual(
      refused(policy, 'changing label kleym.sonda.red/managed-by'),
    );
    expect(await remove(foreign, alice)).toEqual(done);
  });

  test('reconcile alone deletes them', async () => {
    const output = await given(render('deleted'));
    expect(await remove(output, alice)).toEqual(
      refused(policy, 'found alice deleting', 'InferenceIdentityBinding default/deleted'),
    );
    const all = {
      method: 'DELETE',
      path: `${outputsPath}?labelSelector=kleym.sonda.red%2Fmanaged-by%3Dkleym`,
      ...alice,
    } as const;
    expect(await kleym.ask(all)).toEqual(refused(policy, 'found alice deleting'));
    expect(await remove(output, reconcile)).toEqual(done);
  });

  const changes: [string, object][] = [
    ['spec.spiffeIDTemplate', { spec: { spiffeIDTemplate: 'spiffe://example.org/root' } }],
    ['spec.podSelector', { spec: { podSelector: { matchLabels: { app: 'other' } } } }],
    ['spec.namespaceSelector', { spec: { namespaceSelector: null } }],
    ['spec.workloadSelectorTemplates', { spec: { workloadSelectorTemplates: ['k8s:ns:default'] } }],
    ['spec.className', { spec: { className: 'other' } }],
    ['spec.fallback', { spec: { fallback: true } }],
    ['spec.hint', { spec: { hint: 'default/other' } }],
    ['spec.admin', { spec: { admin: true } }],
    ['spec.downstream', { spec: { downstream: true } }],
    ['metadata.finalizers', { metadata: { finalizers: ['example.org/hold'] } }],
    [
      'metadata.ownerReferences',
      { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Namespace', name: 'default', uid: 'u' }] } },
    ],
    ['label kleym.sonda.red/managed-by', { metadata: { labels: { 'kleym.sonda.red/managed-by': null } } }],
    [
      'label kleym.sonda.red/binding-name',
      { metadata: { labels: { 'kleym.sonda.red/binding-name': 'other' } } },
    ],
    ['label spire.spiffe.io/class-name', { metadata: { labels: { 'spire.spiffe.io/class-name': 'other' } } }],
    [
      'annotation kleym.sonda.red/content',
      { metadata: { annotations: { 'kleym.sonda.red/content': null } } },
    ],
    ['annotation kleym.sonda.red/claim', { metadata: { annotations: { 'kleym.sonda.red/claim': 'n' } } }],
  ];
  test('nobody else changes the fields of kleym', async () => {
    const output = await given(render('kept'));
    for (const [what, change] of changes)
      expect(await patch(output, change, alice)).toEqual(
        refused(policy, `found alice changing ${what};`, 'default/kept'),
      );
  });

  test('a platform team adds other fields, and they survive the writes of reconcile', async () => {
    const output = await given(render('shared'));
    const addition = {
      metadata: { labels: { team: 'platform' }, annotations: { 'example.org/note': 'x' } },
      spec: {
        ttl: '5m',
        jwtTtl: '5m',
        federatesWith: ['other.org'],
        dnsNameTemplates: ['a.b'],
        autoPopulateDNSNames: true,
      },
    };
    expect(await patch(output, addition, alice)).toEqual(done);
    const written = await put(output, { spec: render('shared', { containerName: 'other' }).spec }, reconcile);
    expect(written).toEqual(done);
    expect(written.object).toMatchObject(addition);
  });

  test('SPIRE Controller Manager writes their status, and the garbage collector ends a foreground deletion', async () => {
    const output = await given(render('collected'));
    expect(
      await patch(output, { status: { stats: { podsSelected: 3 } } }, spireController, '/status'),
    ).toEqual(done);
    expect(
      await remove(output, reconcile, {
        kind: 'DeleteOptions',
        apiVersion: 'v1',
        propagationPolicy: 'Foreground',
      }),
    ).toEqual(done);
    const held = await kleym.must({ method: 'GET', path: toPath(output) });
    expect(held.metadata.finalizers).toEqual(['foregroundDeletion']);
    expect(await patch(output, { metadata: { finalizers: null } }, collector)).toEqual(done);
    expect(await kleym.ask({ method: 'GET', path: toPath(output) })).toHaveProperty('status', 404);
  });

  test('an administrator in the break-glass group may do everything', async () => {
    const output = await given(render('broken'));
    expect(await patch(output, { spec: { hint: 'x' } }, breakGlass)).toEqual(done);
    expect(await remove(output, breakGlass)).toEqual(done);
  });

  test('the Go operator may write during the change-over only', async () => {
    const asOperator = { user: operator, groups: ['system:masters'] };
    const probe = {
      method: 'POST',
      path: `${outputsPath}?dryRun=All`,
      content: render('crossing'),
      ...asOperator,
    } as const;
    expect(await kleym.ask(probe)).toEqual(refused(policy, `found ${operator} creating`));
    const held = await kleym.create(bindingHere('crossing', { finalizers: [bindingFinalizer] }));
    await apply(...duringChangeOver());
    await soon(() => kleym.ask(probe)).toBe('');
    // Each policy takes effect on its own.
    const acts = [
      () => patch(held, { status: { observedGeneration: 1 } }, asOperator, '/status'),
      () => patch(held, { metadata: { finalizers: null } }, asOperator),
    ];
    for (const act of acts) await soon(act).toBe('');
    expect(await create(render('crossing'), asOperator)).toEqual(done);
    expect(await remove(render('crossing'), asOperator)).toEqual(done);
    expect(await create(render('crossing'), alice)).toEqual(refused(policy, 'found alice creating'));
    const wrong = { spec: { hint: 'team-a/other' } };
    const content = merge(render('crossing'), wrong) as Manifest;
    expect(await create(content, reconcile)).toEqual(
      refused('kleym-output-content', 'labels and annotations contradict'),
    );
    await apply(...admissionPolicies.filter(({ kind }) => kind === 'ValidatingAdmissionPolicy'));
    await soon(() => kleym.ask(probe)).toContain(`found ${operator} creating`);
  });

  test('other ClusterSPIFFEIDs are not restricted', async () => {
    const foreign = {
      ...outputType,
      metadata: { name: 'theirs' },
      spec: { spiffeIDTemplate: 'spiffe://x/{{ .PodMeta.Name }}' },
    };
    expect(await create(foreign, alice)).toEqual(done);
    expect(await patch(foreign, { spec: { admin: true } }, alice)).toEqual(done);
    expect(await remove(foreign, alice)).toEqual(done);
  });
});

/** What reconcile adds to an output so that no earlier PUT can land. */
function fenceBy(nonce: string): object {
  return { metadata: { annotations: { 'kleym.sonda.red/fence': nonce } } };
}

function withSelectors(change: (all: string[]) => string[]): (output: Output) => object {
  return ({ spec }) => ({
    spec: { workloadSelectorTemplates: change(spec['workloadSelectorTemplates'] as string[]) },
  });
}

describe('what reconcile writes', () => {
  const policy = 'kleym-output-content';
  const long = `${'l'.repeat(40)}.${'m'.repeat(40)}`;

  const accepted: [string, () => Output][] = [
    ['of one container', () => render('a')],
    [
      'of a whole pool',
      () => render('b', { mode: 'PoolOnly', containerName: undefined, objectiveRef: undefined }),
    ],
    [
      'of an image',
      () =>
        render('c', { containerName: undefined, containerImage: `example.org/x@sha256:${'a'.repeat(64)}` }),
    ],
    ['of pods with labels of the binding', () => render('f', { podLabels: { 'llm-d.ai/role': 'prefill' } })],
    ['of names too long for labels', () => render(long, { serviceAccountName: long })],
    ['with a class', () => render('d', {}, { className: 'spire-mgmt-spire' })],
    ['with a ttl that a mutating policy set', () => merge(render('e'), { spec: { ttl: '5m' } }) as Output],
  ];
  test.each(accepted)('is accepted: an output %s', async (_, output) => {
    const stored = await given(output());
    expect(await put(stored, fenceBy('n'), reconcile)).toEqual(done);
    expect(await remove(stored, reconcile)).toEqual(done);
  });

  const faults: [string, object | ((output: Output) => object), string][] = [
    ['a name of somebody else', { metadata: { name: 'other' } }, 'writing ClusterSPIFFEID other'],
    [
      'no label of ours',
      { metadata: { labels: { 'kleym.sonda.red/managed-by': null } } },
      'labels and annotations contradict',
    ],
    [
      'no namespace',
      { metadata: { labels: { 'kleym.sonda.red/binding-namespace': null } } },
      'labels and annotations contradict',
    ],
    [
      'the namespace of others',
      { metadata: { labels: { 'kleym.sonda.red/binding-namespace': 'team-a' } } },
      'labels and annotations contradict',
    ],
    ['the hint of others', { spec: { hint: 'team-a/binding-a' } }, 'hint "team-a/binding-a"'],
    [
      'another binding in its label',
      { metadata: { labels: { 'kleym.sonda.red/binding-name': 'other' } } },
      'labels and annotations contradict',
    ],
    [
      'no owner',
      { metadata: { annotations: { 'kleym.sonda.red/binding-uid': null } } },
      'kleym.sonda.red/binding-uid',
    ],
    [
      'the trust domain of others',
      { spec: { spiffeIDTemplate: 'spiffe://other.org/ns/default/objective/objective-a' } },
      'expected spiffe://example.org/ns/default/',
    ],
    [
      'an ID of another namespace',
      { spec: { spiffeIDTemplate: 'spiffe://example.org/ns/team-a/objective/objective-a' } },
      'found spec.spiffeIDTemplate "spiffe://example.org/ns/team-a/objective/objective-a"',
    ],
    [
      'an ID that only begins like ours',
      { spec: { spiffeIDTemplate: 'spiffe://example.org/ns/default/objective/a/../../../../root' } },
      'followed by pool/<name> or objective/<name>',
    ],
    [
      'an ID that is a template',
      { spec: { spiffeIDTemplate: 'spiffe://example.org/ns/default/pool/{{ .PodMeta.Name }}' } },
      'found a template in',
    ],
    [
      'a selector that is a template',
      withSelectors((all) => [...all, 'k8s:container-name:{{ x }}']),
      'found a template in',
    ],
    [
      'the namespace selector of others',
      withSelectors((all) => all.map((one) => one.replace('k8s:ns:default', 'k8s:ns:team-a'))),
      'k8s:ns:default',
    ],
    [
      'two namespace selectors',
      withSelectors((all) => [...all, 'k8s:ns:team-a']),
      'found the namespace selectors [k8s:ns:default, k8s:ns:team-a]',
    ],
    [
      'no namespace selector',
      withSelectors((all) => all.filter((one) => !one.startsWith('k8s:ns:'))),
      'found the namespace selectors []',
    ],
    [
      'no service account',
      withSelectors((all) => all.filter((one) => !one.startsWith('k8s:sa:'))),
      'found the service account selectors []',
    ],
    [
      'two service accounts',
      withSelectors((all) => [...all, 'k8s:sa:other']),
      'found the service account selectors [inference-sa, other]',
    ],
    [
      'another service account than its label',
      { metadata: { labels: { 'kleym.sonda.red/service-account': 'other' } } },
      'kleym.sonda.red/service-account=other',
    ],
    ['a selector of another attestor', withSelectors((all) => [...all, 'unix:uid:0']), 'found'],
    [
      'no pod label',
      { spec: { podSelector: { matchLabels: { app: null } } } },
      'found spec.podSelector.matchLabels {}',
    ],
    ['no pod selector', { spec: { podSelector: null } }, 'found spec.podSelector.matchLabels {}'],
    [
      'pod labels that its selectors do not ask for',
      { spec: { podSelector: { matchLabels: { tier: 'x' } } } },
      'tier: x',
    ],
    [
      'selectors that its pod labels do not ask for',
      withSelectors((all) => [...all, 'k8s:pod-label:tier:x']),
      'the same labels as k8s:pod-label selectors',
    ],
    [
      'expressions',
      { spec: { podSelector: { matchExpressions: [{ key: 'app', operator: 'Exists' }] } } },
      'no matchExpressions',
    ],
    ['no namespace confinement', { spec: { namespaceSelector: null } }, 'found spec.namespaceSelector {}'],
    [
      'confinement to others',
      { spec: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'team-a' } } } },
      'found spec.namespaceSelector {kubernetes.io/metadata.name: team-a}',
    ],
    ['a fallback', { spec: { fallback: true } }, 'found spec.fallback true'],
    ['an administrator of SPIRE', { spec: { admin: true } }, 'setting or changing spec.admin'],
    ['a downstream server', { spec: { downstream: true } }, 'downstream'],
    ['DNS names', { spec: { dnsNameTemplates: ['api.example.org'] } }, 'dnsNameTemplates'],
    ['DNS names of services', { spec: { autoPopulateDNSNames: true } }, 'autoPopulateDNSNames'],
    ['federation', { spec: { federatesWith: ['other.org'] } }, 'federatesWith'],
    ['a finalizer', { metadata: { finalizers: ['example.org/hold'] } }, 'finalizers [example.org/hold]'],
    [
      'an owner that would take it away, or hold it',
      { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Namespace', name: 'default', uid: 'u' }] } },
      'ownerReferences',
    ],
  ];
  test.each(faults)('is refused with %s, new or old', async (_, change, words) => {
    const output = render('binding-a');
    const wrong = typeof change === 'function' ? change(output) : change;
    expect(await create(merge(output, wrong) as Manifest, reconcile)).toEqual(refused(policy, words));
    if ('metadata' in wrong && 'name' in (wrong.metadata as object)) return;
    const stored = await given(output);
    expect(await put(stored, wrong, reconcile)).toEqual(refused(policy, words));
    expect(await remove(stored, reconcile)).toEqual(done);
  });

  test('cannot be an output of somebody else', async () => {
    const foreign = {
      ...outputType,
      metadata: { name: 'theirs' },
      spec: { spiffeIDTemplate: 'spiffe://example.org/theirs' },
    };
    expect(await create(foreign, alice)).toEqual(done);
    expect(await put(foreign, { spec: { ttl: '5m' } }, reconcile)).toEqual(
      refused(policy, 'writing ClusterSPIFFEID theirs'),
    );
    expect(await remove(foreign, reconcile)).toEqual(refused(policy, 'writing ClusterSPIFFEID theirs'));
    expect(await remove(foreign, alice)).toEqual(done);
  });

  test('may repair and fence an output whatever its content', async () => {
    const output = await given(render('damaged'));
    expect(
      await patch(
        output,
        { metadata: { labels: { 'kleym.sonda.red/binding-namespace': null } }, spec: { hint: 'x' } },
        breakGlass,
      ),
    ).toEqual(done);
    expect(await put(output, fenceBy('n'), reconcile)).toEqual(done);
    const { metadata, spec } = render('damaged');
    expect(await put(output, { metadata: { labels: metadata.labels }, spec }, reconcile)).toEqual(done);
  });

  test('may keep a finalizer of somebody else', async () => {
    const output = await given(render('held-by-others'));
    const hold = { metadata: { finalizers: ['example.org/a', 'example.org/b'] } };
    expect(await patch(output, hold, breakGlass)).toEqual(done);
    expect(await put(output, fenceBy('n'), reconcile)).toEqual(done);
    expect(
      await put(output, { metadata: { finalizers: ['example.org/a', 'example.org/c'] } }, reconcile),
    ).toEqual(refused(policy, 'adding the finalizers [example.org/c]'));
    const before = await kleym.must({ method: 'GET', path: toPath(output) });
    expect(await remove(output, reconcile)).toEqual(done);
    expect(await put(output, fenceBy('m'), reconcile)).toEqual(done);
    expect(await patch(output, { metadata: { finalizers: ['example.org/b'] } }, alice)).toEqual(done);
    // What was read before somebody took one off is old, not an addition.
    const old = merge(before, fenceBy('o')) as object;
    const stale = await kleym.ask({ method: 'PUT', path: toPath(output), content: old, ...reconcile });
    expect(stale).toHaveProperty('status', 409);
    expect(await patch(output, { metadata: { finalizers: null } }, alice)).toEqual(done);
    expect(await kleym.ask({ method: 'GET', path: toPath(output) })).toHaveProperty('status', 404);
  });

  test('may lack the namespace selector only where the platform team says so', async () => {
    const asking = { method: 'POST', path: `${outputsPath}?dryRun=All`, ...reconcile } as const;
    const content = render('wide', {}, { namespaceSelector: false });
    await apply(withSettings({ namespaceSelector: 'false' }));
    await soon(() => kleym.ask({ ...asking, content })).toBe('');
    expect(await kleym.ask({ ...asking, content: render('wide') })).toEqual(done);
    await apply(withSettings({}));
    await soon(() => kleym.ask({ ...asking, content })).toContain('found spec.namespaceSelector {}');
  });

  test.each([
    '',
    "' + '",
    String.raw`example.org\n`,
    'spiffe://prod.corp',
    '"prod.corp"',
    '<YOUR-TRUST-DOMAIN>',
  ])('is refused under the trust domain "%s", and the refusal says what to do', async (trustDomain) => {
    const stored = await given(render('nowhere'));
    await apply(withSettings({ trustDomain }));
    const probe = { method: 'POST', path: `${outputsPath}?dryRun=All`, ...reconcile } as const;
    const content = render('homeless');
    await soon(() => kleym.ask({ ...probe, content })).toContain(
      'found something else than a trust domain in the variable trustDomain of this policy; expected the value of KLEYM_TRUST_DOMAIN, such as example.org, without spiffe:// and without quotes',
    );
    expect(await remove(stored, reconcile)).toEqual(done);
    await apply(withSettings({}));
    await soon(() => kleym.ask({ ...probe, content })).toBe('');
  });

  test.each(["a'b", 'a\\', "' == '", "' || true || '"])(
    'is judged as before where somebody applies the setting %s: the API server takes no such policy',
    async (text) => {
      for (const settings of [{ trustDomain: text }, { namespaceSelector: text }])
        expect(await replaceBy(withSettings(settings))).toMatchObject({ status: 422 });
    },
  );
});

/** The policy about content as an overlay with these settings has it, otherwise with those of the example. */
function withSettings(settings: {
  readonly trustDomain?: string;
  readonly namespaceSelector?: string;
}): Manifest {
  const policy = structuredClone(
    findManifest(admissionPolicies, 'ValidatingAdmissionPolicy', 'kleym-output-content'),
  );
  const { variables } = policy['spec'] as { variables: { name: string; expression: string }[] };
  for (const [name, value] of Object.entries(settings)) {
    const variable = variables.find((one) => one.name === name);
    if (!variable) throw new Error(`the policy has no variable ${name}`);
    variable.expression = `'${value}'`;
  }
  return policy;
}

/** The policies as they are with the patch that the component offers for a change-over. */
function duringChangeOver(): Manifest[] {
  const [offered, ...others] = readOfferedPatches('components/admission-policies');
  if (!offered || others.length > 0) throw new Error('expected one patch');
  const patched = admissionPolicies.map((one) => applyJsonPatch(one, offered));
  const changed = patched.filter((one, index) => one !== admissionPolicies[index]);
  expect(changed.map(({ metadata }) => metadata.name).toSorted()).toEqual([
    'kleym-binding-finalizer',
    'kleym-binding-status',
    'kleym-output-writers',
  ]);
  return changed;
}

async function apply(...objects: readonly Manifest[]): Promise<void> {
  for (const object of objects) expect(await replaceBy(object)).toEqual(done);
}

async function replaceBy(object: Manifest): Promise<Answer> {
  const { metadata } = await kleym.must({ method: 'GET', path: toPath(object) });
  return kleym.ask({ method: 'PUT', path: toPath(object), content: { ...object, metadata } });
}

/** Polls: a policy takes effect about a second after it was written. */
function soon(ask: () => Promise<Answer>): ReturnType<typeof expect.poll<string>> {
  return expect.poll(async () => (await ask()).message, { timeout: 10_000 });
}

function bindingHere(name: string, metadata: object = {}): Manifest {
  return { ...binding(name), metadata: { name, namespace: 'team-a', ...metadata } };
}

describe('writing bindings', () => {
  test('reconcile alone writes the status', async () => {
    const object = await kleym.create(bindingHere('status'));
    const status = { ...object, status: { observedGeneration: 1 } };
    const asking = { method: 'PUT', path: `${toPath(object)}/status`, content: status } as const;
    expect(await kleym.ask({ ...asking, ...alice })).toEqual(
      refused('kleym-binding-status', 'found alice writing the status'),
    );
    expect(await patch(object, { status: { claim: null } }, alice, '/status')).toEqual(
      refused('kleym-binding-status', `expected only ${reconcileAccount} to do that`),
    );
    expect(await kleym.ask({ ...asking, ...reconcile })).toEqual(done);
    expect(await patch(object, { status: { observedGeneration: 2 } }, breakGlass, '/status')).toEqual(done);
  });

  test('reconcile alone adds and removes the finalizer, but a binding may be created with it', async () => {
    const policy = 'kleym-binding-finalizer';
    const on = { metadata: { finalizers: [bindingFinalizer] } };
    const object = await kleym.create(bindingHere('finalizer'));
    expect(await patch(object, on, alice)).toEqual(refused(policy, 'found alice putting on the finalizer'));
    expect(await patch(object, on, reconcile)).toEqual(done);
    expect(await patch(object, { metadata: { finalizers: null } }, alice)).toEqual(
      refused(policy, 'found alice taking off the finalizer', 'as soon as the ClusterSPIFFEID is gone'),
    );
    expect(
      await patch(object, { metadata: { finalizers: [bindingFinalizer, 'example.org/mine'] } }, alice),
    ).toEqual(done);
    expect(await patch(object, { metadata: { finalizers: ['example.org/mine'] } }, reconcile)).toEqual(done);
    expect(await patch(object, { metadata: { finalizers: null } }, alice)).toEqual(done);
    const restored = await kleym.create(bindingHere('restored', on.metadata));
    expect(await patch(restored, { metadata: { finalizers: null } }, breakGlass)).toEqual(done);
  });

  test('people may change everything else, and delete', async () => {
    const object = await kleym.create(bindingHere('theirs', { finalizers: [bindingFinalizer] }));
    expect(
      await patch(object, { spec: { containerName: 'other' }, metadata: { labels: { a: 'b' } } }, alice),
    ).toEqual(done);
    expect(await remove(object, alice)).toEqual(done);
    expect(await patch(object, { metadata: { finalizers: null } }, reconcile)).toEqual(done);
    expect(await kleym.ask({ method: 'GET', path: toPath(object) })).toHaveProperty('status', 404);
  });

  test('reconcile changes nothing in metadata and spec but its finalizer', async () => {
    const object = await kleym.create(bindingHere('untouched', { finalizers: ['example.org/mine'] }));
    const owner = { apiVersion: 'v1', kind: 'Namespace', name: 'team-a', uid: 'u' };
    const changes = [
      { spec: { containerName: 'other' } },
      { metadata: { finalizers: [bindingFinalizer] } },
      { metadata: { finalizers: ['example.org/mine', bindingFinalizer, 'example.org/other'] } },
      { metadata: { ownerReferences: [owner] } },
    ];
    for (const change of changes)
      expect(await patch(object, change, reconcile)).toEqual(
        refused('kleym-binding-finalizer', 'changing more of a binding than its finalizer'),
      );
  });

  // kubectl replace sends the manifest as it is, with the resourceVersion that it has read.
  test('a replace by a manifest without the finalizer is refused, and the refusal says what to do; an apply is fine', async () => {
    const manifest = bindingHere('replaced');
    const { metadata } = await kleym.create(bindingHere('replaced', { finalizers: [bindingFinalizer] }));
    const content = {
      ...manifest,
      metadata: { ...manifest.metadata, resourceVersion: metadata.resourceVersion },
    };
    expect(await kleym.ask({ method: 'PUT', path: toPath(manifest), content, ...alice })).toEqual(
      refused('kleym-binding-finalizer', 'taking off the finalizer', 'apply or patch instead'),
    );
    expect(await patch(manifest, { ...manifest, spec: { containerName: 'other' } }, alice)).toEqual(done);
  });
});

const bindings = ['kleym.sonda.red', 'inferenceidentitybindings'] as const;
const outputs = ['spire.spiffe.io', 'clusterspiffeids'] as const;

/** An expression that stamps what is written with a label that is another one after each write, and with an annotation. */
const stamp = `Object{metadata: Object.metadata{
  labels: {'example.org/follows': oldObject == null ? 'nothing' : oldObject.metadata.resourceVersion},
  annotations: {'example.org/writer': request.userInfo.username}}}`;

/** Until the test ends, whatever is written to this resource, by whomever, is changed by an expression; the word is in what comes about. */
async function givenMutation(
  [group, resource]: readonly [string, string],
  expression: string,
  word: string,
): Promise<void> {
  const apiVersion = 'admissionregistration.k8s.io/v1beta1';
  const metadata = { name: `mutation-of-${resource}` };
  const rule = { apiGroups: [group], apiVersions: ['*'], operations: ['CREATE', 'UPDATE'] };
  const policy = {
    apiVersion,
    kind: 'MutatingAdmissionPolicy',
    metadata,
    spec: {
      failurePolicy: 'Fail',
      reinvocationPolicy: 'Never',
      matchConstraints: { resourceRules: [{ ...rule, resources: [resource, `${resource}/status`] }] },
      mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression } }],
    },
  };
  const binding = {
    apiVersion,
    kind: 'MutatingAdmissionPolicyBinding',
    metadata,
    spec: { policyName: metadata.name },
  };
  const content = resource === bindings[1] ? bindingHere('probe') : render('probe');
  onTestFinished(async () => {
    for (const one of [binding, policy]) await kleym.ask({ method: 'DELETE', path: toPath(one) });
    await soonCreated(content).not.toContain(word);
  });
  for (const one of [policy, binding]) await kleym.create(one);
  await soonCreated(content).toContain(word);
}

describe('writing settings', () => {
  const home = 'kleym-system';
  const right = {
    KLEYM_TRUST_DOMAIN: 'example.org',
    KLEYM_CLUSTERSPIFFEID_CLASS_NAME: '',
    LOG_LEVEL: 'info',
  };

  /** As kustomize makes it, with something of a hash. */
  function settings(data: object, metadata: object = {}): Manifest {
    const labels = { 'app.kubernetes.io/part-of': 'kleym' };
    const name = 'kleym-config-2g4m5h7k9b';
    return {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace: home, labels, ...metadata },
      data,
    };
  }

  const wrong: [name: string, value: string][] = [
    ['KLEYM_TRUST_DOMAIN', 'spiffe://prod.corp'],
    ['KLEYM_TRUST_DOMAIN', '"prod.corp"'],
    ['KLEYM_TRUST_DOMAIN', 'Prod.corp'],
    ['KLEYM_TRUST_DOMAIN', '<YOUR-TRUST-DOMAIN>'],
    ['KLEYM_TRUST_DOMAIN', 'prod.corp # ours'],
    ['KLEYM_TRUST_DOMAIN', 'a'.repeat(256)],
    ['KLEYM_TRUST_DOMAIN', ''],
    ['KLEYM_CLUSTERSPIFFEID_CLASS_NAME', '<YOUR-CLASS-NAME>'],
    ['KLEYM_CLUSTERSPIFFEID_CLASS_NAME', "'spire'"],
    ['KLEYM_CLUSTERSPIFFEID_CLASS_NAME', 'a'.repeat(64)],
    ['KLEYM_NAMESPACE_SELECTOR', '"true"'],
    ['KLEYM_OVERLAP_POLICY', 'deny'],
    ['LOG_LEVEL', 'verbose'],
    ['KLEYM_GRACE_SECONDS', '601'],
    ['KLEYM_GRACE_SECONDS', '9999999999999999999999'],
    ['PORT', '-1'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4317'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://a b'],
    ['OTEL_TRACES_SAMPLER', 'jaeger_remote'],
    ['OTEL_TRACES_SAMPLER_ARG', '1.5'],
    ['KLEYM_TRUSTDOMAIN', 'prod.corp'],
  ];
  test.each(wrong)('with %s=%s are refused in the words of the functions', async (name, value) => {
    const data = { ...right, [name]: value };
    const [problem] = findWrongSettings(data);
    const { status, message } = await create(settings(data), alice);
    expect(status).toBe(422);
    expect(message).toContain(`ValidatingAdmissionPolicy 'kleym-settings'`);
    expect(message).toContain(` denied request: ${problem?.message}`);
  });

  const well: object[] = [
    right,
    { ...right, KLEYM_CLUSTERSPIFFEID_CLASS_NAME: 'spire-mgmt-spire', KLEYM_NAMESPACE_SELECTOR: 'false' },
    {
      ...right,
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.observability:4318/otlp',
      OTEL_TRACES_SAMPLER: 'traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
    },
    { ...right, KLEYM_OVERLAP_POLICY: 'refuse', KLEYM_GRACE_SECONDS: '0', PORT: '65535', HOST: '::' },
  ];
  test.each(well)('that the functions take are taken: %j', async (data) => {
    expect(findWrongSettings(data as Record<string, string>)).toEqual([]);
    expect(await create(settings(data), alice)).toEqual(done);
  });

  test('of a text that fits into no message are refused all the same', async () => {
    for (const value of ['two\nlines', 'x'.repeat(10_000)])
      expect(await create(settings({ ...right, LOG_LEVEL: value }), alice)).toHaveProperty('status', 422);
  });

  test('are judged where they change, and what was wrong before may be labelled and deleted', async () => {
    const { ask } = kleym;
    const policy = findManifest(admissionPolicies, 'ValidatingAdmissionPolicyBinding', 'kleym-settings');
    const bad = settings({ ...right, LOG_LEVEL: 'loud' }, { name: 'kleym-config-before' });
    await kleym.must({ method: 'DELETE', path: toPath(policy) });
    await soon(() =>
      ask({ method: 'POST', path: `${toListPath(bad)}?dryRun=All`, content: bad, ...alice }),
    ).toBe('');
    await kleym.create(bad);
    await kleym.create(policy);
    await untilInForce(kleym);
    expect(await patch(bad, { metadata: { annotations: { a: 'b' } } }, alice)).toEqual(done);
    expect(await patch(bad, { data: { LOG_LEVEL: 'louder' } }, alice)).toHaveProperty('status', 422);
    expect(await remove(bad, alice)).toEqual(done);
  });

  test('are those of kleym-system that kleym made, and no others', async () => {
    const data = { LOG_LEVEL: 'loud' };
    for (const metadata of [{ name: 'kleym-dashboard' }, { labels: {} }, { namespace: 'team-a' }])
      expect(await create(settings(data, metadata), alice)).toEqual(done);
  });
});

/** Polls: what would come about if this were created now. */
function soonCreated(content: Manifest): ReturnType<typeof expect.poll<string>> {
  const asking = {
    method: 'POST',
    path: `${toListPath(content)}?dryRun=All`,
    content,
    ...breakGlass,
  } as const;
  return expect.poll(async () => JSON.stringify(await kleym.ask(asking)), { timeout: 10_000 });
}

// The policies see what mutating policies and webhooks of others have made of a write, and take it for the writer's doing.
describe('with mutating policies of others', () => {
  const on = { metadata: { finalizers: [bindingFinalizer] } };
  const off = { metadata: { finalizers: null } };

  test('reconcile adds its finalizer to stamped bindings, writes their status and releases them', async () => {
    const before = await kleym.create(bindingHere('before'));
    await givenMutation(bindings, stamp, 'example.org/follows');
    const after = await kleym.create(bindingHere('after'));
    for (const object of [before, after]) {
      const held = await patch(object, on, reconcile);
      expect(held).toEqual(done);
      expect(held.object.metadata).toMatchObject(on.metadata);
      expect(held.object.metadata.labels?.['example.org/follows']).not.toBe(
        object.metadata.labels?.['example.org/follows'],
      );
      const content = { ...held.object, status: { observedGeneration: 1 } };
      expect(
        await kleym.ask({ method: 'PUT', path: `${toPath(object)}/status`, content, ...reconcile }),
      ).toEqual(done);
      expect(await patch(object, { metadata: { labels: { team: 'a' } } }, alice)).toEqual(done);
      expect(await remove(object, alice)).toEqual(done);
      expect(await patch(object, off, reconcile)).toEqual(done);
      expect(await kleym.ask({ method: 'GET', path: toPath(object) })).toHaveProperty('status', 404);
    }
  });

  test('a binding whose spec would be changed waits until somebody else’s write has changed it', async () => {
    const object = await kleym.create(bindingHere('defaulted'));
    await givenMutation(
      bindings,
      "Object{spec: Object.spec{containerName: 'defaulted-name'}}",
      'defaulted-name',
    );
    expect(await patch(object, on, reconcile)).toEqual(
      refused('kleym-binding-finalizer', 'expected spec', 'as they were'),
    );
    expect(await patch(object, { metadata: { annotations: { a: 'b' } } }, alice)).toEqual(done);
    expect(await patch(object, on, reconcile)).toEqual(done);
    expect(await patch(object, off, reconcile)).toEqual(done);
  });

  const changes: [string, string, string][] = [
    ['stamped', stamp, 'example.org/follows'],
    ['given a ttl', "Object{spec: Object.spec{ttl: '17m'}}", '17m'],
  ];
  test.each(changes)('reconcile writes outputs that are %s', async (_, expression, word) => {
    const [whole, damaged] = [await given(render('whole')), await given(render('damaged'))];
    expect(await patch(damaged, { spec: { hint: 'x' } }, breakGlass)).toEqual(done);
    const held = await given(render('held'));
    expect(await patch(held, { metadata: { finalizers: ['example.org/a'] } }, breakGlass)).toEqual(done);
    await givenMutation(outputs, expression, word);
    const fresh = await given(render('fresh'));
    expect(JSON.stringify(fresh)).toContain(word);
    const { spec } = render('whole', { containerName: 'other' });
    expect(await put(whole, { spec }, reconcile)).toEqual(done);
    for (const output of [whole, damaged, held, fresh])
      expect(await put(output, fenceBy('n'), reconcile)).toEqual(done);
    expect(await patch(held, off, collector)).toEqual(done);
    const stats = { status: { stats: { podsSelected: 3 } } };
    expect(await patch(whole, stats, spireController, '/status')).toEqual(done);
    expect(await remove(whole, reconcile)).toEqual(done);
  });
});

describe('installed again', () => {
  // A policy whose parameters are ConfigMaps finds none any more, once no such policy was bound for a second: the API
  // server stops looking at ConfigMaps for them, until it is started anew.
  test('the policies let reconcile write, and strangers not', async () => {
    for (const policy of admissionPolicies) await kleym.must({ method: 'DELETE', path: toPath(policy) });
    const probe = { method: 'POST', path: `${outputsPath}?dryRun=All`, ...alice } as const;
    await soon(() => kleym.ask({ ...probe, content: render('again') })).toBe('');
    await sleep(3000);
    for (const policy of admissionPolicies) await kleym.create(policy);
    await untilInForce(kleym);
    expect(await create(render('again'), alice)).toEqual(refused('kleym-output-writers', 'found alice'));
    expect(await create(render('again'), reconcile)).toEqual(done);
  });
});

describe('when the CRD of bindings is removed', () => {
  test('the outputs go too, and no policy prevents it', async () => {
    await given(render('left-over'));
    const definition = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'clusterspiffeids.spire.spiffe.io' },
    };
    expect(await remove(definition, alice)).toEqual(done);
    await expect
      .poll(async () => (await kleym.ask({ method: 'GET', path: toPath(definition) })).status, {
        timeout: 20_000,
      })
      .toBe(404);
  });
});
