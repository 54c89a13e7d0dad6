import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { TriggerFilter, matchesFilter } from '../local/eventing/trigger-filter.ts';
import { bindingFinalizer, bindingResource } from '../shared/api/binding.ts';
import { outputAnnotations, outputLabels, outputResource } from '../shared/api/cluster-spiffe-id.ts';
import { objectiveResources } from '../shared/api/objective.ts';
import { type Resource, toApiVersion } from '../shared/api/object-meta.ts';
import { poolResources } from '../shared/api/pool.ts';
import { findWrongSettings, parseConsoleConfig, parseRenderingConfig } from '../shared/runtime/config.ts';
import { bindingsAffectedType } from '../shared/events/bindings-affected.ts';
import { outputNamePrefix } from '../shared/identity/output-name.ts';
import { managedBy } from '../shared/identity/ownership.ts';
import { selectorPrefixes } from '../shared/identity/workload-selectors.ts';
import type { Manifest } from './support/kube-client.ts';
import {
  Rules,
  findManifest,
  manifestsFolder,
  permissionsOf,
  readKustomization,
  readExample,
  readManifests,
  readOfferedPatches,
} from './support/kustomization.ts';

const deployables = readdirSync(join(import.meta.dirname, '..', 'functions')).toSorted();
/** Those that take events; the console takes none, and is a component. */
const functions = deployables.filter((name) => name !== 'console');
const components = readdirSync(join(manifestsFolder, 'components')).toSorted();
const resources: readonly Resource[] = [
  bindingResource,
  outputResource,
  ...poolResources,
  ...objectiveResources,
];

const base = readManifests('base');
const everything = readManifests('base', ...components.map((name) => `components/${name}`));

const Destination = z.object({ ref: z.object({ kind: z.enum(['Service', 'Broker']), name: z.string() }) });
const Delivery = z.object({
  retry: z.int().positive(),
  backoffPolicy: z.string(),
  backoffDelay: z.string(),
  timeout: z.string(),
  deadLetterSink: Destination.optional(),
});
const Broker = z.object({ metadata: z.object({ name: z.string() }), spec: z.object({ delivery: Delivery }) });
const Trigger = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    broker: z.string(),
    filters: z.array(TriggerFilter),
    subscriber: Destination,
    delivery: Delivery.optional(),
  }),
});
const ApiServerSource = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    serviceAccountName: z.string(),
    mode: z.literal('Resource'),
    namespaceSelector: z.strictObject({}).optional(),
    resources: z.array(
      z.object({
        apiVersion: z.string(),
        kind: z.string(),
        selector: z.object({ matchLabels: z.record(z.string(), z.string()) }).optional(),
      }),
    ),
    sink: Destination,
  }),
});
const Probe = z.strictObject({ httpGet: z.strictObject({ path: z.literal('/healthz') }) });
const Quantities = z.strictObject({ cpu: z.string(), memory: z.string() });
const FunctionService = z.object({
  metadata: z.object({ name: z.string(), labels: z.record(z.string(), z.string()) }),
  spec: z.object({
    template: z.object({
      metadata: z.object({ annotations: z.record(z.string(), z.string()) }),
      spec: z.object({
        serviceAccountName: z.string(),
        automountServiceAccountToken: z.boolean().optional(),
        containerConcurrency: z.int().positive(),
        timeoutSeconds: z.int(),
        containers: z.tuple([
          z.strictObject({
            image: z.string(),
            args: z.array(z.string()),
            env: z.array(z.strictObject({ name: z.string(), value: z.string() })).optional(),
            envFrom: z.array(z.strictObject({ configMapRef: z.strictObject({ name: z.string() }) })),
            readinessProbe: Probe,
            livenessProbe: Probe,
            resources: z.strictObject({ requests: Quantities, limits: Quantities }),
            securityContext: z.unknown(),
          }),
        ]),
      }),
    }),
  }),
});

function all<T>(objects: readonly Manifest[], apiVersion: string, kind: string, schema: z.ZodType<T>): T[] {
  return objects
    .filter((one) => one.apiVersion === apiVersion && one.kind === kind)
    .map((one) => schema.parse(one));
}

function namesOf(objects: readonly Manifest[], kind: string): string[] {
  return objects.filter((one) => one.kind === kind).map(({ metadata }) => metadata.name);
}

const services = all(base, 'serving.knative.dev/v1', 'Service', FunctionService);
const everyService = all(everything, 'serving.knative.dev/v1', 'Service', FunctionService);
const triggers = all(base, 'eventing.knative.dev/v1', 'Trigger', Trigger);
const brokers = all(base, 'eventing.knative.dev/v1', 'Broker', Broker);
const sources = all(everything, 'sources.knative.dev/v1', 'ApiServerSource', ApiServerSource);

describe('the Services', () => {
  test('are the functions, each with its own bundle and account', () => {
    expect(services.map(({ metadata }) => metadata.name).toSorted()).toEqual(functions);
    for (const { metadata, spec } of everyService) {
      const [container] = spec.template.spec.containers;
      expect(container.image).toBe('kleym');
      expect(container.args).toEqual([`/app/${metadata.name}/main.mjs`]);
      expect(spec.template.spec.serviceAccountName).toBe(metadata.name);
      expect(namesOf(everything, 'ServiceAccount')).toContain(metadata.name);
    }
  });

  test.each(everyService)(
    '$metadata.name runs restricted, bounded and reachable from inside alone',
    ({ metadata, spec }) => {
      const { annotations } = spec.template.metadata;
      expect(metadata.labels['networking.knative.dev/visibility']).toBe('cluster-local');
      expect(annotations['autoscaling.knative.dev/min-scale']).toBe('0');
      expect(Number(annotations['autoscaling.knative.dev/max-scale'])).toBeGreaterThan(0);
      expect(spec.template.spec.containers[0].securityContext).toEqual({
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
        readOnlyRootFilesystem: true,
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      });
    },
  );

  test('end when their Broker has stopped waiting, and have the time to drain until then', () => {
    const grace = parseRenderingConfig({ ...configOf(base), KLEYM_TRUST_DOMAIN: 'example.org' });
    const graceSeconds = grace.kind === 'done' ? grace.value.graceMs / 1000 : Number.NaN;
    const queueProxyDrains = 30;
    for (const { spec } of everyService) {
      const { timeoutSeconds } = spec.template.spec;
      expect(brokers.map(({ spec: { delivery } }) => delivery.timeout)).toEqual(
        brokers.map(() => `PT${timeoutSeconds}S`),
      );
      expect(timeoutSeconds).toBeGreaterThanOrEqual(queueProxyDrains + graceSeconds);
    }
  });

  test('sweep in one process, where requests that arrive during a look can share the next one', () => {
    const sweep = services.find(({ metadata }) => metadata.name === 'sweep')?.spec.template;
    expect(sweep?.metadata.annotations['autoscaling.knative.dev/max-scale']).toBe('1');
    expect(sweep?.spec.containerConcurrency).toBeGreaterThan(1);
  });

  test('get no token if they make no calls', () => {
    const without = services.filter(({ spec }) => spec.template.spec.automountServiceAccountToken === false);
    expect(without.map(({ metadata }) => metadata.name)).toEqual(['map-binding']);
    expect(findManifest(base, 'ServiceAccount', 'map-binding')['automountServiceAccountToken']).toBe(false);
  });
});

/** The attributes of an event about an object, as a source in mode Resource sends it. */
function changeOf(resource: Resource, verb = 'update'): Record<string, string> {
  return {
    type: `dev.knative.apiserver.resource.${verb}`,
    kind: resource.kind,
    apiversion: toApiVersion(resource),
  };
}

function subscribersOf(broker: string, attributes: Record<string, string>): string[] {
  return triggers
    .filter(
      ({ spec }) =>
        spec.broker === broker && spec.filters.every((filter) => matchesFilter(filter, attributes)),
    )
    .map(({ spec }) => spec.subscriber.ref.name);
}

describe('the Triggers', () => {
  test('refer to Brokers and Services that exist', () => {
    for (const { spec } of [...triggers, ...all(everything, 'eventing.knative.dev/v1', 'Trigger', Trigger)]) {
      expect(spec.subscriber.ref.kind).toBe('Service');
      expect(functions).toContain(spec.subscriber.ref.name);
      expect(namesOf(base, 'Broker')).toContain(spec.broker);
      for (const sink of [spec.delivery?.deadLetterSink].filter((one) => one !== undefined))
        expect(namesOf(base, 'Broker')).toContain(sink.ref.name);
    }
    for (const { spec } of brokers.filter(({ spec }) => spec.delivery.deadLetterSink))
      expect(namesOf(base, 'Broker')).toContain(spec.delivery.deadLetterSink?.ref.name);
  });

  const changes: [string, readonly Resource[], Record<string, string>][] = [
    // Reconcile's own writes are updates, and must not keep it awake.
    ['bindings', [bindingResource], { add: 'reconcile', update: 'map-binding', delete: 'map-binding' }],
    ['pools', poolResources, { add: 'map-pool', update: 'map-pool', delete: 'map-pool' }],
    [
      'objectives',
      objectiveResources,
      { add: 'map-objective', update: 'map-objective', delete: 'map-objective' },
    ],
    ['outputs', [outputResource], { add: 'map-output', update: 'map-output', delete: 'map-output' }],
  ];
  test.each(changes)('take each change of %s, in every group, to one function', (_name, kinds, takers) => {
    for (const kind of kinds)
      for (const [verb, taker] of Object.entries(takers))
        expect(subscribersOf('kleym', changeOf(kind, verb))).toEqual([taker]);
  });

  test('drop events that carry a reference instead of an object', () => {
    const byReference = { ...changeOf(bindingResource), type: 'dev.knative.apiserver.ref.add' };
    expect(subscribersOf('kleym', byReference)).toEqual([]);
  });

  test('deliver the replies of functions to reconcile, and ticks to sweep', () => {
    expect(subscribersOf('kleym', { type: bindingsAffectedType })).toEqual(['reconcile']);
    expect(subscribersOf('kleym', { type: 'dev.knative.sources.ping' })).toEqual(['sweep']);
  });

  test('for dead letters deliver each to sweep, and the replies of sweep to reconcile', () => {
    const dead = { knativeerrordest: 'http://reconcile.kleym-system.svc.cluster.local' };
    expect(subscribersOf('kleym-dead-letters', { type: bindingsAffectedType, ...dead })).toEqual(['sweep']);
    expect(subscribersOf('kleym-dead-letters', { ...changeOf(bindingResource), ...dead })).toEqual(['sweep']);
    expect(subscribersOf('kleym-dead-letters', { type: bindingsAffectedType })).toEqual(['reconcile']);
  });
});

describe('the sources', () => {
  test('watch every kind that the functions read once, in every group', () => {
    const watched = sources.flatMap(({ spec }) =>
      spec.resources.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`),
    );
    expect(watched.toSorted()).toEqual(resources.map((one) => `${toApiVersion(one)} ${one.kind}`).toSorted());
  });

  test('are one a group and version, because an adapter exits where one is not served', () => {
    for (const { spec } of sources) expect(spec.resources).toHaveLength(1);
  });

  test('guess the plural of a kind as the API server has it', () => {
    expect(resources.map(({ kind }) => `${kind.toLowerCase()}s`)).toEqual(
      resources.map(({ plural }) => plural),
    );
  });

  test.each(sources)(
    '$metadata.name may read what it watches, under an account of its own, and nothing else',
    ({ metadata, spec }) => {
      expect(spec.serviceAccountName).toBe(`source-${metadata.name}`);
      expect(namesOf(base, 'Broker')).toContain(spec.sink.ref.name);
      const watched = spec.resources.map(
        ({ apiVersion, kind }) => `${kind.toLowerCase()}s.${apiVersion.split('/')[0]}`,
      );
      expect(permissionsOf(everything, spec.serviceAccountName)).toEqual(
        Object.fromEntries(watched.map((plural) => [plural, ['get', 'list', 'watch']])),
      );
    },
  );

  test('show only outputs of ours, and everything else of all namespaces', () => {
    for (const { metadata, spec } of sources) {
      const isOutputs = metadata.name === 'outputs';
      const labels = isOutputs ? { matchLabels: { [outputLabels.managedBy]: managedBy } } : undefined;
      expect(spec.resources.map(({ selector }) => selector)).toEqual([labels]);
      expect(spec.namespaceSelector).toEqual(isOutputs ? undefined : {});
    }
  });
});

describe('the permissions', () => {
  const read = ['get', 'list'];
  const table: Record<string, Record<string, string[]>> = {
    console: {
      'inferenceidentitybindings.kleym.sonda.red': read,
      'clusterspiffeids.spire.spiffe.io': read,
      'inferencepools.inference.networking.k8s.io': read,
      'inferencepools.inference.networking.x-k8s.io': read,
      'inferenceobjectives.llm-d.ai': read,
      'inferenceobjectives.inference.networking.x-k8s.io': read,
      'inferenceobjectives.inference.networking.k8s.io': read,
      'pods.': read,
      'events.': ['list'],
      'namespaces.': ['get'],
      'services.serving.knative.dev': ['list'],
      'configmaps./kleym-sweep': ['get'],
    },
    'map-binding': {},
    'map-pool': { 'inferenceidentitybindings.kleym.sonda.red': ['list'] },
    'map-objective': { 'inferenceidentitybindings.kleym.sonda.red': ['list'] },
    'map-output': {
      'clusterspiffeids.spire.spiffe.io': ['get'],
      'inferenceidentitybindings.kleym.sonda.red': ['get'],
    },
    sweep: {
      'inferenceidentitybindings.kleym.sonda.red': ['list'],
      'clusterspiffeids.spire.spiffe.io': ['list'],
      'inferencepools.inference.networking.k8s.io': ['list'],
      'inferencepools.inference.networking.x-k8s.io': ['list'],
      'inferenceobjectives.llm-d.ai': ['list'],
      'inferenceobjectives.inference.networking.x-k8s.io': ['list'],
      'inferenceobjectives.inference.networking.k8s.io': ['list'],
      'configmaps./kleym-sweep': ['get', 'patch'],
    },
    reconcile: {
      'inferenceidentitybindings.kleym.sonda.red': [...read, 'patch'],
      'inferenceidentitybindings/status.kleym.sonda.red': ['update'],
      'clusterspiffeids.spire.spiffe.io': [...read, 'create', 'update', 'delete'],
      'inferencepools.inference.networking.k8s.io': read,
      'inferencepools.inference.networking.x-k8s.io': read,
      'inferenceobjectives.llm-d.ai': read,
      'inferenceobjectives.inference.networking.x-k8s.io': read,
      'inferenceobjectives.inference.networking.k8s.io': read,
      'events.events.k8s.io': ['create'],
    },
  };

  test('are those that this test lists for every function', () => {
    expect(Object.keys(table).toSorted()).toEqual(deployables);
  });

  test.each(Object.entries(table))('of %s are these and no others', (name, granted) => {
    expect(permissionsOf(everything, name)).toEqual(granted);
  });

  test('are granted to nobody else, and contain no Secret and no wildcard', () => {
    const accounts = namesOf(everything, 'ServiceAccount').toSorted();
    const ofSources = sources.map(({ spec }) => spec.serviceAccountName);
    expect(accounts).toEqual([...deployables, ...ofSources].toSorted());
    expect(namesOf(everything, 'Role').toSorted()).toEqual(['kleym-console', 'kleym-sweep-report']);
    const rules = everything
      .filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role')
      .flatMap((role) => Rules.parse(role['rules']));
    const words = rules.flatMap(({ apiGroups, resources, verbs }) => [...apiGroups, ...resources, ...verbs]);
    for (const forbidden of ['*', 'secrets', 'impersonate', 'escalate', 'bind', 'deletecollection'])
      expect(words).not.toContain(forbidden);
  });
});

function configOf(objects: readonly Manifest[]): Record<string, string> {
  return findManifest(objects, 'ConfigMap', 'kleym-config')['data'] as Record<string, string>;
}

test('the console is reached by the names of its Service, and only reads', () => {
  const service = everyService.find(({ metadata }) => metadata.name === 'console');
  const [container] = service?.spec.template.spec.containers ?? [];
  const environment = Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value]));
  expect(parseConsoleConfig({ KLEYM_TRUST_DOMAIN: 'example.org', ...environment })).toMatchObject({
    value: {
      hosts: [
        'localhost',
        '127.0.0.1',
        '[::1]',
        'console.kleym-system.svc.cluster.local',
        'console.kleym-system.svc',
        'console.kleym-system',
      ],
    },
  });
  const verbs = Object.values(permissionsOf(everything, 'console')).flat();
  expect(new Set(verbs)).toEqual(new Set(['get', 'list']));
});

describe('the configuration', () => {
  test('is the environment of every Service', () => {
    for (const { spec } of everyService)
      expect(spec.template.spec.containers[0].envFrom).toEqual([{ configMapRef: { name: 'kleym-config' } }]);
  });

  test.each(Object.keys(configOf(base)))('%s is a variable that the functions know', (name) => {
    const parsed = parseRenderingConfig({ KLEYM_TRUST_DOMAIN: 'example.org', [name]: '?' });
    expect(parsed).toMatchObject({
      kind: 'invalid',
      message: expect.stringMatching(new RegExp(`^${name} is "\\?"`)),
    });
  });

  test('of the base lacks only the trust domain', () => {
    expect(parseRenderingConfig(configOf(base))).toEqual({
      kind: 'invalid',
      message:
        'KLEYM_TRUST_DOMAIN is not set: expected the trust domain of your SPIRE server, such as example.org',
    });
  });

  test('of the example is complete once it is filled in', () => {
    const overlay = readExample();
    expect(findWrongSettings(configOf(overlay))).toEqual([]);
    expect(parseRenderingConfig(configOf(overlay))).toMatchObject({
      kind: 'done',
      value: {
        settings: { trustDomain: 'example.org', className: 'spire-mgmt-spire', namespaceSelector: true },
      },
    });
    for (const service of all(overlay, 'serving.knative.dev/v1', 'Service', FunctionService))
      expect(service.spec.template.spec.containers[0].image).toMatch(/^registry\.example\.org\/.+:.+/);
  });

  test('of the example is refused as it is, and so are its images', () => {
    const overlay = readManifests('overlays/example');
    expect(findWrongSettings(configOf(overlay)).map(({ message }) => message)).toEqual([
      expect.stringContaining('KLEYM_TRUST_DOMAIN is "<YOUR-TRUST-DOMAIN>": '),
      expect.stringContaining('KLEYM_CLUSTERSPIFFEID_CLASS_NAME is "<YOUR-CLASS-NAME>": '),
    ]);
    // A reference has no `<`, and no upper-case letter before its tag.
    for (const service of all(overlay, 'serving.knative.dev/v1', 'Service', FunctionService))
      expect(service.spec.template.spec.containers[0].image).toMatch(/^<YOUR-REGISTRY>\/kleym:/);
  });

  test.each(['base', 'overlays/example'])('of %s is nothing that can change under a Revision', (folder) => {
    const { metadata, immutable } = findManifest(readManifests(folder), 'ConfigMap', 'kleym-config');
    expect({ metadata, immutable }).toEqual({
      metadata: {
        name: 'kleym-config',
        namespace: 'kleym-system',
        labels: { 'app.kubernetes.io/part-of': 'kleym' },
      },
      immutable: true,
    });
  });
});

describe('the Kafka component', () => {
  const kafka = readManifests('base', 'components/kafka-broker');

  test('gives both Brokers the class, and keeps how they deliver', () => {
    for (const broker of kafka.filter(({ kind }) => kind === 'Broker')) {
      expect(broker.metadata.annotations).toHaveProperty(['eventing.knative.dev/broker.class'], 'Kafka');
      const { delivery } = Broker.parse(broker).spec;
      expect(delivery).toEqual(deliveryInBase(broker.metadata.name));
    }
  });

  test('delivers to reconcile in order, and gives a waiting event up to a Trigger without an order', () => {
    const trigger = findManifest(kafka, 'Trigger', 'reconcile');
    expect(trigger.metadata.annotations).toEqual({ 'kafka.eventing.knative.dev/delivery.order': 'ordered' });
    expect(Trigger.parse(trigger).spec).toMatchObject({
      filters: [{ exact: { type: bindingsAffectedType } }],
      delivery: { timeout: 'PT60S', deadLetterSink: { ref: { name: 'kleym-dead-letters' } } },
    });
    expect(findManifest(kafka, 'Trigger', 'dead-letter-reconcile').metadata.annotations).toBeUndefined();
  });
});

describe('the NATS component', () => {
  const nats = readManifests('base', 'components/nats-broker');
  const channel = findManifest(nats, 'ConfigMap', 'kleym-nats-channel');
  test.each(namesOf(nats, 'Broker'))(
    'puts %s on the channel, and halves the delay that it doubles',
    (name) => {
      const broker = findManifest(nats, 'Broker', name);
      const { delivery } = Broker.parse(broker).spec;
      expect(broker).toMatchObject({
        metadata: { annotations: { 'eventing.knative.dev/broker.class': 'MTChannelBasedBroker' } },
        spec: {
          config: { kind: 'ConfigMap', name: channel.metadata.name, namespace: channel.metadata.namespace },
        },
      });
      expect({ ...delivery, backoffDelay: toSeconds(delivery.backoffDelay) * 2 }).toEqual({
        ...deliveryInBase(name),
        backoffDelay: toSeconds(deliveryInBase(name).backoffDelay),
      });
    },
  );

  const { spec } = parse((channel['data'] as Record<string, string>)['channel-template-spec'] ?? '') as {
    spec: { stream: { config: { maxAge: string; retention: string; discard: string } } };
  };
  const { maxAge, retention, discard } = spec.stream.config;

  test('takes the tick of the sweep when it is full of events that were delivered', () => {
    expect([retention, discard]).toEqual(['Limits', 'Old']);
  });

  test('keeps an event until its last try is over', () => {
    const minutes = Number(/^(\d+)m$/.exec(maxAge)?.[1]);
    for (const name of namesOf(nats, 'Broker')) {
      const { retry, timeout, backoffDelay } = deliveryInBase(name);
      const waits = toSeconds(backoffDelay) * (2 ** retry - 1);
      expect(minutes * 60).toBeGreaterThan((retry + 1) * toSeconds(timeout) + waits);
    }
  });
});

function deliveryInBase(broker: string): z.infer<typeof Delivery> {
  return Broker.parse(findManifest(base, 'Broker', broker)).spec.delivery;
}

function toSeconds(duration: string): number {
  return Number(/^PT([\d.]+)S$/.exec(duration)?.[1]);
}

// Without it the dispatcher of a JetStream channel ends at the first 5xx.
test('every delivery, of every component, has retries and a back-off', () => {
  const specs = everything
    .filter(({ apiVersion }) => apiVersion.startsWith('eventing.knative.dev/'))
    .map(({ spec }) => spec as { delivery?: object });
  const deliveries = specs.flatMap(({ delivery }) => delivery ?? []);
  expect(deliveries.length).toBeGreaterThan(brokers.length);
  for (const delivery of deliveries)
    expect(delivery).toMatchObject({
      retry: expect.any(Number),
      backoffPolicy: 'exponential',
      backoffDelay: expect.stringMatching(/^PT/),
    });
});

/** What the policy about content goes by. */
function settingsOf(objects: readonly Manifest[]): unknown[] {
  const { spec } = findManifest(objects, 'ValidatingAdmissionPolicy', 'kleym-output-content');
  return (spec as { variables: unknown[] }).variables.slice(0, 2);
}

describe('the admission policies', () => {
  const policies = readManifests('components/admission-policies');
  const textOf = (name: string) => JSON.stringify(findManifest(policies, 'ValidatingAdmissionPolicy', name));

  test('are each bound, and have no parameters', () => {
    const bindings = policies.filter(({ kind }) => kind === 'ValidatingAdmissionPolicyBinding');
    expect(namesOf(bindings, 'ValidatingAdmissionPolicyBinding')).toEqual(
      namesOf(policies, 'ValidatingAdmissionPolicy'),
    );
    for (const { metadata, spec } of bindings)
      expect(spec).toEqual({ policyName: metadata.name, validationActions: ['Deny'] });
    expect(JSON.stringify(policies)).not.toMatch(/paramKind|\bparams\b/);
    expect(namesOf(policies, 'ConfigMap')).toEqual([]);
  });

  test('use the settings of the functions, and none without an overlay', () => {
    const { KLEYM_TRUST_DOMAIN: domain, KLEYM_NAMESPACE_SELECTOR: selector } = configOf(readExample());
    expect(settingsOf(readExample())).toEqual([
      { name: 'trustDomain', expression: `'${domain}'` },
      { name: 'namespaceSelector', expression: `'${selector}'` },
    ]);
    expect(settingsOf(policies)).toEqual([
      { name: 'trustDomain', expression: "''" },
      { name: 'namespaceSelector', expression: "'true'" },
    ]);
  });

  test('let another account write with the patch that docs/install.md shows', () => {
    const text = readFileSync(join(import.meta.dirname, '..', 'docs', 'install.md'), 'utf8');
    const blocks = [...text.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, block = '']) => block);
    const shown = blocks.filter((block) => block.includes('matchConditions')).map((block) => parse(block));
    expect(shown).toEqual([{ patches: readOfferedPatches('components/admission-policies') }]);
  });

  test('know reconcile by the name of its account', () => {
    const account = findManifest(base, 'ServiceAccount', 'reconcile').metadata;
    const user = `system:serviceaccount:${account.namespace}:${account.name}`;
    for (const policy of ['kleym-output-content', 'kleym-binding-finalizer'])
      expect(textOf(policy)).toContain(`request.userInfo.username == '${user}'`);
    for (const policy of ['kleym-output-writers', 'kleym-binding-status'])
      expect(textOf(policy)).toContain(`request.userInfo.username != '${user}'`);
    const accounts = JSON.stringify(policies).match(/system:serviceaccount:[a-z:-]+/g);
    expect(new Set(accounts)).toEqual(new Set([user]));
  });

  test('use the names, labels, annotations and selectors that the functions write', () => {
    for (const policy of ['kleym-output-writers', 'kleym-output-content']) {
      expect(textOf(policy)).toContain(`startsWith('${outputNamePrefix}')`);
      expect(textOf(policy)).toContain(`[?'${outputLabels.managedBy}'].orValue('') == '${managedBy}'`);
    }
    const { bindingName, bindingNamespace, serviceAccount } = outputLabels;
    for (const key of [bindingName, bindingNamespace, serviceAccount, outputAnnotations.bindingUid])
      expect(textOf('kleym-output-content')).toContain(`[?'${key}']`);
    for (const prefix of Object.values(selectorPrefixes))
      expect(textOf('kleym-output-content')).toContain(`'${prefix}'`);
    for (const key of Object.values(outputLabels).filter((one) => !one.startsWith('kleym.sonda.red/')))
      expect(textOf('kleym-output-writers')).toContain(`key == '${key}'`);
    expect(textOf('kleym-binding-finalizer')).toContain(`'${bindingFinalizer}'`);
  });
});

describe('the folder', () => {
  const files = readdirSync(manifestsFolder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.(yaml|env)$/.test(name),
  );
  const folders = files.filter((name) => name.endsWith('kustomization.yaml')).map((name) => dirname(name));

  test('labels every object', () => {
    for (const { kind, metadata } of everything)
      expect([kind, metadata.labels]).toEqual([
        kind,
        expect.objectContaining({ 'app.kubernetes.io/part-of': 'kleym' }),
      ]);
  });

  test('has no file that no kustomization names', () => {
    const named = folders.flatMap((folder) => {
      const kustomization = readKustomization(join(manifestsFolder, folder));
      const { resources = [], patches = [], configurations = [], configMapGenerator = [] } = kustomization;
      const envs = configMapGenerator.flatMap((one) => one.envs);
      const paths = [...resources, ...patches.map(({ path }) => path), ...configurations, ...envs];
      return paths.map((path) => join(folder, path));
    });
    expect(files.filter((name) => !name.endsWith('kustomization.yaml') && !named.includes(name))).toEqual([]);
  });

  test.each(folders)('%s uses no field that kustomize has given up', (folder) => {
    const known = [
      'apiVersion',
      'kind',
      'resources',
      'components',
      'images',
      'patches',
      'configMapGenerator',
      'labels',
      'configurations',
      'replacements',
    ];
    const kustomization = readKustomization(join(manifestsFolder, folder));
    expect(Object.keys(kustomization).filter((key) => !known.includes(key))).toEqual([]);
    expect(kustomization.kind).toBe(
      relative('components', folder).startsWith('..') ? 'Kustomization' : 'Component',
    );
  });

  test('names each object once, and puts everything that has a namespace into kleym-system', () => {
    const clusterScoped = [
      'ClusterRole',
      'ClusterRoleBinding',
      'CustomResourceDefinition',
      'Namespace',
      'ValidatingAdmissionPolicy',
      'ValidatingAdmissionPolicyBinding',
    ];
    const names = everything.map(
      ({ apiVersion, kind, metadata }) => `${apiVersion} ${kind} ${metadata.name}`,
    );
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
    const elsewhere: Readonly<Record<string, string>> = {
      // kube-state-metrics mounts it, and a pod mounts only what is in its own namespace.
      'ConfigMap kleym-kube-state-metrics': 'kube-system',
    };
    const namespaces = everything.map(({ kind, metadata }) => [
      `${kind} ${metadata.name}`,
      metadata.namespace,
    ]);
    expect(namespaces).toEqual(
      everything.map(({ kind, metadata: { name } }) => [
        `${kind} ${name}`,
        elsewhere[`${kind} ${name}`] ?? (clusterScoped.includes(kind) ? undefined : 'kleym-system'),
      ]),
    );
  });

  test('asks for the restricted pod security standard', () => {
    expect(findManifest(base, 'Namespace', 'kleym-system').metadata.labels).toMatchObject({
      'pod-security.kubernetes.io/enforce': 'restricted',
    });
  });

  test('has network policies for Services that exist only', () => {
    const text = JSON.stringify(readManifests('components/network-policy'));
    expect(text).toContain('"serving.knative.dev/service":"map-binding"');
    expect(namesOf(everything, 'NetworkPolicy')).toEqual([
      'functions',
      'functions-to-api-server',
      'map-binding-to-nobody',
      'sources',
    ]);
  });
});
