import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { useCommand } from '../support/command.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import {
  type Answer,
  type KubeClient,
  type Manifest,
  applyPatch,
  createKubeClient,
  toListPath,
  toPath,
} from '../support/kube-client.ts';
import {
  applyJsonPatch,
  fillIn,
  findManifest,
  manifestsFolder,
  readKustomization,
  readManifests,
  readOfferedPatches,
} from '../support/kustomization.ts';
import { installDefinition } from '../support/test-cluster.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { readKnativeDefinitions } from './knative-definitions.ts';
import { type Kustomize, type Kustomized, provideKustomize } from './kustomize.ts';
import { readPrometheusRuleDefinition } from './prometheus-rule-definition.ts';

// The manifests, read by the programs that read them on a cluster: kustomize, and the API server with Knative's own
// definitions, which refuses what they do not list.

const at = (path: string) => join(manifestsFolder, path);
const components = readdirSync(at('components'))
  .toSorted()
  .map((name) => `components/${name}`);
const combinations: readonly { readonly name: string; readonly folders: readonly string[] }[] = [
  { name: 'the base', folders: ['base'] },
  ...components.map((path) => ({ name: `the base with ${path}`, folders: ['base', path] })),
  { name: 'the base with all components', folders: ['base', ...components] },
  { name: 'the example', folders: ['overlays/example'] },
];
const everything = readManifests('base', ...components);

function sayToStdout(line: string): void {
  process.stdout.write(`${line}\n`);
}

let kustomize: Kustomize;
let plane: ControlPlane;
let proxy: FaultProxy;
let kube: KubeClient;
beforeAll(async () => {
  kustomize = await provideKustomize({ env: process.env, say: sayToStdout });
}, 900_000);
beforeAll(async () => {
  plane = await startControlPlane();
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromString(plane.kubeconfig);
  proxy = await startFaultProxy(kubeConfig);
  kube = createKubeClient(proxy.url);
  const definitions = [
    ...(await readKnativeDefinitions(everything, process.env)),
    await readPrometheusRuleDefinition(process.env),
  ];
  for (const definition of definitions) await installDefinition(kube, definition);
});
afterAll(async () => {
  await proxy?.close();
  await plane?.stop();
});

describe('kustomize', () => {
  test.each(combinations)(
    'builds $name without a warning, as the other tests read it',
    async ({ folders }) => {
      const { objects, said } = await build(folders);
      expect(said).toBe('');
      expect(withoutHash(objects).toSorted(byName)).toEqual(readManifests(...folders).toSorted(byName));
    },
  );

  test.each(combinations)('writes the generated name wherever $name refers to it', async ({ folders }) => {
    const { objects } = await build(folders);
    const mentions = JSON.stringify(objects).match(/"kleym-config[^"]*"/g);
    expect(new Set(mentions)).toEqual(new Set([`"${configNameOf(objects)}"`]));
  });

  test('gives other values another ConfigMap, and every function another Revision', async () => {
    const before = await configure('KLEYM_TRUST_DOMAIN=example.org');
    const after = await configure('KLEYM_TRUST_DOMAIN=example.com');
    const changed = after.filter((object, index) => !isDeepStrictEqual(object, before[index]));
    expect(configNameOf(after)).not.toBe(configNameOf(before));
    expect(changed.map(({ kind, metadata }) => `${kind} ${metadata.name}`).toSorted()).toEqual(
      [
        `ConfigMap ${configNameOf(after)}`,
        ...after.filter(isService).map(({ metadata }) => `Service ${metadata.name}`),
        'ValidatingAdmissionPolicy kleym-output-content',
      ].toSorted(),
    );
  });

  test('gives the same values the same ConfigMap', async () => {
    const [first, second] = ['KLEYM_OVERLAP_POLICY=report', 'KLEYM_NAMESPACE_SELECTOR=true'];
    expect(await configure(first, second)).toEqual(await configure(second, first));
    expect(configNameOf(await configure(first))).toBe(configNameOf((await build(['base'])).objects));
  });

  const values = ['', 'true', '123', 'x: y #z', "a'b", String.raw`a\b`];
  test.each(values)('writes the setting "%s" into the policy as it stands', async (value) => {
    const objects = await configure(`KLEYM_TRUST_DOMAIN=${value}`, `KLEYM_NAMESPACE_SELECTOR=${value}`);
    const { spec } = findManifest(objects, 'ValidatingAdmissionPolicy', 'kleym-output-content');
    expect((spec as { variables: unknown[] }).variables.slice(0, 2)).toEqual([
      { name: 'trustDomain', expression: `'${value}'` },
      { name: 'namespaceSelector', expression: `'${value}'` },
    ]);
  });

  test('takes the patch that is offered for a change-over', async () => {
    const [base, component] = ['base', 'components/admission-policies'];
    const patches = readOfferedPatches(component);
    const { objects, said } = await kustomize.buildText({
      resources: [at(base)],
      components: [at(component)],
      patches,
    });
    const expected = patches.reduce<Manifest[]>(
      (before, patch) => before.map((one) => applyJsonPatch(one, patch)),
      readManifests(base, component),
    );
    expect(said).toBe('');
    expect(withoutHash(objects).toSorted(byName)).toEqual(expected.toSorted(byName));
  });

  test.each([
    ['example.org', 0, /^√ trust domain example\.org, no class$/m],
    ['spiffe://example.org', 2, /^× <stdin>:\d+: KLEYM_TRUST_DOMAIN is "spiffe:\/\/example\.org": /m],
  ])('makes what kubectl kleym doctor --overlay reads: %s', async (domain, expected, words) => {
    const objects = await configure(`KLEYM_TRUST_DOMAIN=${domain}`);
    const text = objects.map((object) => stringify(object)).join('---\n');
    const pinned = text.replaceAll('image: kleym', 'image: registry.example.org/kleym:0.1.0');
    const command = await useCommand([]);
    const { output, exitCode } = await command.run('doctor --overlay -', pinned);
    expect({ exitCode, output }).toEqual({ exitCode: expected, output: expect.stringMatching(words) });
  });

  test('lets the patches of docs/gitops.md keep the CRD and the values of Revisions from being pruned', async () => {
    const text = await readFile(join(manifestsFolder, '..', 'docs', 'gitops.md'), 'utf8');
    const [, block = ''] = /^```yaml\n(patches:\n.*?)^```/ms.exec(text) ?? [];
    const { objects, said } = await kustomize.buildText({
      resources: [at('overlays/example')],
      ...(parse(block) as Record<string, unknown>),
    });
    expect(said).toBe('');
    const kept = objects.filter(
      ({ metadata }) => metadata.annotations?.['kustomize.toolkit.fluxcd.io/prune'] === 'disabled',
    );
    expect(
      kept.map(({ kind, metadata }) => [kind, metadata.annotations?.['argocd.argoproj.io/sync-options']]),
    ).toEqual([
      ['CustomResourceDefinition', 'Prune=false,Delete=false'],
      ['ConfigMap', 'Prune=false'],
    ]);
    expect(kept.at(-1)?.metadata.name).toBe(configNameOf(objects));
    expect(kept.at(-1)?.['data']).toHaveProperty('KLEYM_OVERLAP_POLICY', 'report');
  });

  test('warns of a deprecated field', async () => {
    const { said } = await kustomize.buildText({ resources: [at('base')], commonLabels: { a: 'b' } });
    expect(said).toContain("'commonLabels' is deprecated");
  });
});

function isService({ apiVersion }: Manifest): boolean {
  return apiVersion.startsWith('serving.knative.dev/');
}

/** The base with the admission policies, and with values as an overlay says them and brings them into the policies. */
async function configure(...literals: readonly string[]): Promise<readonly Manifest[]> {
  const generator = {
    name: 'kleym-config',
    namespace: 'kleym-system',
    behavior: 'merge',
    literals,
    options: { immutable: true },
  };
  const { objects } = await kustomize.buildText({
    resources: [at('base')],
    components: [at('components/admission-policies')],
    configMapGenerator: [generator],
    replacements: readKustomization(at('overlays/example')).replacements,
  });
  return objects;
}

function configNameOf(objects: readonly Manifest[]): string {
  const names = objects.filter(({ kind }) => kind === 'ConfigMap').map(({ metadata }) => metadata.name);
  const [name, ...others] = names.filter((one) => /^kleym-config-[a-z0-9]{10}$/.test(one));
  if (name === undefined || others.length > 0)
    throw new Error(`expected one ConfigMap kleym-config-<hash>, found ${names.join(', ')}`);
  return name;
}

/** As the other tests read them, which make no hash. */
function withoutHash(objects: readonly Manifest[]): Manifest[] {
  const text = JSON.stringify(objects).replaceAll(configNameOf(objects), 'kleym-config');
  return JSON.parse(text) as Manifest[];
}

/** kustomize puts first what others need, such as the namespace; the order says nothing else. */
function byName(a: Manifest, b: Manifest): number {
  const [left, right] = [a, b].map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  return (left ?? '') < (right ?? '') ? -1 : 1;
}

function build(folders: readonly string[]): Promise<Kustomized> {
  const [base = '', ...others] = folders.map(at);
  return kustomize.combine(base, ...others);
}

const strictly = 'fieldManager=kubectl&fieldValidation=Strict';

/** Applies an object as a careful person does: the API server refuses fields that it does not know. */
function applyStrictly(object: Manifest): Promise<Answer> {
  const path = `${toPath(object)}?${strictly}`;
  return kube.ask({ method: 'PATCH', path, content: object, type: applyPatch });
}

/** What would become of a creation. */
function tryCreate(object: Manifest): Promise<Answer> {
  const path = `${toListPath(object)}?${strictly}&dryRun=All`;
  return kube.ask({ method: 'POST', path, content: object });
}

/** Applies as kubectl does: one after the other, in the order of kustomize. */
async function applyAll(objects: readonly Manifest[]): Promise<string[]> {
  const versions: string[] = [];
  for (const object of objects) {
    const { status, message, warning, object: stored } = await applyStrictly(object);
    const name = `${object.kind} ${object.metadata.name}`;
    expect([name, status < 300, message, warning]).toEqual([name, true, '', '']);
    versions.push(`${name} ${stored.metadata.resourceVersion}`);
  }
  return versions;
}

describe('the API server', () => {
  test.each(combinations)('accepts $name without a warning', async ({ folders }) => {
    const { objects } = await build(folders);
    await applyAll(fillIn(objects));
  });

  test('refuses to change the configuration of a Revision, and accepts another one beside it', async () => {
    const [before, after] = await Promise.all(
      ['example.org', 'example.com'].map((domain) => configure(`KLEYM_TRUST_DOMAIN=${domain}`)),
    );
    const [old, other] = [before ?? [], after ?? []].map((objects) =>
      findManifest(objects, 'ConfigMap', configNameOf(objects)),
    );
    if (!old || !other) throw new Error('expected two configurations');
    const [first, , again] = await applyAll([old, other, old]);
    expect(again).toBe(first);
    const { status, message } = await applyStrictly({ ...other, metadata: old.metadata });
    expect(status).toBe(422);
    expect(message).toContain('field is immutable when `immutable` is set');
  });

  test('changes nothing when the same is applied again', async () => {
    const { objects } = await build(['base', ...components]);
    const before = await applyAll(objects);
    expect(await applyAll(objects)).toEqual(before);
  });

  const misspelt: [kind: string, name: string, path: string, instead: string][] = [
    ['Service', 'reconcile', 'spec.template.spec', 'containerConcurency'],
    ['Broker', 'kleym', 'spec.delivery', 'retries'],
    ['Trigger', 'reconcile', 'spec', 'filter_'],
    ['Trigger', 'reconcile', 'spec.subscriber', 'service'],
    ['ApiServerSource', 'pools', 'spec', 'namespaces'],
    ['PingSource', 'sweep', 'spec', 'cron'],
    ['EventPolicy', 'kleym', 'spec', 'subjects'],
    ['NetworkPolicy', 'functions', 'spec', 'egres'],
    ['ValidatingAdmissionPolicy', 'kleym-output-content', 'spec', 'params'],
  ];
  test.each(misspelt)(
    'refuses a %s (%s) with a field in %s that is called %s',
    async (kind, name, path, field) => {
      const object = structuredClone(findManifest(everything, kind, name));
      const parent = path
        .split('.')
        .reduce<unknown>((one, key) => (one as Record<string, unknown>)[key], object);
      Object.assign(parent as object, { [field]: 'x' });
      const { status, message } = await tryCreate(object);
      expect(status).toBe(400);
      expect(message).toContain(`unknown field "${path}.${field}"`);
    },
  );
});

interface Template {
  readonly metadata: Required<Pick<Manifest['metadata'], 'labels' | 'annotations'>>;
  readonly spec: {
    readonly containerConcurrency: number;
    readonly timeoutSeconds: number;
    readonly containers: readonly Container[];
  };
}

interface Container {
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly readinessProbe: { readonly httpGet: object };
  readonly livenessProbe: { readonly httpGet: object };
}

/** The pod template of a Service with what Knative fills in, and without what Knative keeps for itself. */
function toPodTemplate(
  service: Manifest,
  change: (container: Container) => Container = (one) => one,
): Template {
  const { metadata, spec } = (service['spec'] as { template: Template }).template;
  const { containerConcurrency: _concurrency, timeoutSeconds: _timeout, containers, ...others } = spec;
  const port = 8080;
  const filled = containers.map((container) => {
    const { readinessProbe, livenessProbe } = container;
    return {
      ...change(container),
      name: 'user-container',
      ports: [{ containerPort: port }],
      readinessProbe: { httpGet: { ...readinessProbe.httpGet, port } },
      livenessProbe: { httpGet: { ...livenessProbe.httpGet, port } },
    };
  });
  return { metadata, spec: { ...others, containers: filled } as unknown as Template['spec'] };
}

function toPod({ metadata, spec }: Template): Manifest {
  const name = { name: 'pod', namespace: 'kleym-system' };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, ...name }, spec };
}

function toDeployment(template: Template): Manifest {
  const selector = { matchLabels: template.metadata.labels };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'deployment', namespace: 'kleym-system' },
    spec: { selector, template },
  };
}

function without(field: string): (container: Container) => Container {
  return ({ securityContext, ...container }) => {
    const { [field]: _left, ...others } = securityContext ?? {};
    return { ...container, securityContext: others };
  };
}

describe('the namespace', () => {
  const services = everything.filter(isService);
  const reconcile = findManifest(services, 'Service', 'reconcile');

  test.each(services.map((service) => ({ name: service.metadata.name, service })))(
    'admits the pods of $name, and says nothing about their Deployment',
    async ({ service }) => {
      const template = toPodTemplate(service);
      expect(await tryCreate(toPod(template))).toMatchObject({ status: 201, warning: '' });
      expect(await tryCreate(toDeployment(template))).toMatchObject({ status: 201, warning: '' });
    },
  );

  const fields: [field: string, words: string][] = [
    ['allowPrivilegeEscalation', 'allowPrivilegeEscalation != false'],
    ['capabilities', 'unrestricted capabilities'],
    ['runAsNonRoot', 'runAsNonRoot != true'],
    ['seccompProfile', 'seccompProfile'],
  ];
  test.each(fields)('refuses a pod whose security context says nothing of %s', async (field, words) => {
    const pod = toPod(toPodTemplate(reconcile, without(field)));
    const { status, message } = await tryCreate(pod);
    expect(status).toBe(403);
    expect(message).toContain('violates PodSecurity "restricted:latest"');
    expect(message).toContain(words);
  });

  test('warns of a Deployment whose pods it would refuse', async () => {
    const deployment = toDeployment(toPodTemplate(reconcile, without('capabilities')));
    const { status, warning } = await tryCreate(deployment);
    expect(status).toBe(201);
    expect(warning).toContain('would violate PodSecurity');
  });
});
