import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type Binding, bindingResource } from '../../shared/api/binding.ts';
import { Output, outputResource } from '../../shared/api/cluster-spiffe-id.ts';
import { objectiveResources } from '../../shared/api/objective.ts';
import { poolResources } from '../../shared/api/pool.ts';
import { useCommand } from '../../test/support/command.ts';
import { output } from '../../test/support/manifests.ts';
import { createBinding, poolOnly } from '../../test/support/inference.ts';
import { readExample } from '../../test/support/kustomization.ts';
import { readDefinitions } from '../manifests/definitions.ts';
import { plain } from '../terminal/paint.ts';
import type { DoctorFacts } from './doctor-facts.ts';
import { toDoctorReport } from './doctor-report.ts';
import { toDoctorText } from './doctor-text.ts';
import {
  Broker,
  ConfigMap,
  Conditioned,
  Definition,
  type Deployment,
  type Pod,
  Policy,
  RoleBinding,
  Service,
  Source,
  Trigger,
} from './installation.ts';

// An installation as the manifests make it, where all is well; each fault is seeded into it.

let facts: DoctorFacts;

const ready = { conditions: [{ type: 'Ready', status: 'True' }] };
const broken = { conditions: [{ type: 'Ready', status: 'False', reason: 'Broken', message: 'no luck' }] };

beforeAll(async () => {
  const objects = readExample().map((object) => ({ ...object, status: ready }));
  const of = (kind: string) => objects.filter((object) => object.kind === kind);
  const sources = of('ApiServerSource').map((object) => Source.parse(object));
  facts = {
    serverVersion: 'v1.35.0',
    served: [bindingResource, outputResource, poolResources[0], objectiveResources[0]],
    definitions: (await readDefinitions()).map((text) => Definition.parse(parse(text))),
    services: of('Service').map((object) => Service.parse(object)),
    triggers: of('Trigger').map((object) => Trigger.parse(object)),
    brokers: of('Broker').map((object) =>
      Broker.parse({
        ...object,
        status: { ...ready, annotations: { 'knative.dev/channelKind': 'InMemoryChannel' } },
      }),
    ),
    sources,
    pings: of('PingSource').map((object) => Conditioned.parse(object)),
    deployments: sources.map(({ metadata }) => toAdapter(metadata.name, 1)),
    pods: sources.map(({ metadata }) => toPod(metadata.name, '2026-01-02T00:00:00Z')),
    serving: ['activator', 'autoscaler', 'controller', 'webhook', 'unknown'].map((name) => toPart(name)),
    eventing: [
      'eventing-controller',
      'eventing-webhook',
      'pingsource-mt-adapter',
      'mt-broker-ingress',
      'mt-broker-filter',
      'imc-dispatcher',
    ].map((name) => toPart(name)),
    configMaps: of('ConfigMap').map((object) => ConfigMap.parse(object)),
    policies: of('ValidatingAdmissionPolicy').map((object) => Policy.parse(object)),
    roleBindings: of('ClusterRoleBinding').map((object) => RoleBinding.parse(object)),
    operators: [],
    bindings: [evaluated('one', 'example.org')],
    outputs: [],
    controllerManager: {
      kind: 'ControllerManagerConfig',
      trustDomain: 'example.org',
      className: 'spire-mgmt-spire',
    },
    lacks: [],
  };
});

function toAdapter(source: string, availableReplicas: number): Deployment {
  return {
    metadata: {
      name: `apiserversource-${source}`,
      namespace: 'kleym-system',
      labels: { 'eventing.knative.dev/sourceName': source },
    },
    status: { availableReplicas },
  };
}

function toPart(name: string, replicas = 1): Deployment {
  return {
    metadata: { name, namespace: 'knative' },
    spec: { replicas },
    status: { availableReplicas: replicas },
  };
}

function toPod(source: string, startedAt: string): Pod {
  return {
    metadata: { ...toAdapter(source, 1).metadata, name: `apiserversource-${source}-x` },
    status: { containerStatuses: [{ state: { running: { startedAt } } }] },
  };
}

function toStuckPod(revision: string, reason: string): Pod {
  return {
    metadata: {
      name: `${revision}-x`,
      namespace: 'kleym-system',
      labels: { 'serving.knative.dev/revision': revision },
    },
    status: { containerStatuses: [{ image: 'example.org/kleym:1', state: { waiting: { reason } } }] },
  };
}

function evaluated(name: string, trustDomain: string): Binding {
  return { ...createBinding(poolOnly, name), status: { observedGeneration: 1, trustDomain } };
}

function edit<T extends { readonly metadata: { readonly name: string } }>(
  list: readonly T[] | 'unserved' | undefined,
  name: string,
  change: (one: T) => T | undefined,
): T[] {
  if (typeof list !== 'object') throw new Error('there is no list to edit');
  expect(list.map(({ metadata }) => metadata.name)).toContain(name);
  return list.flatMap((one) => (one.metadata.name === name ? (change(one) ?? []) : one));
}

function troublesOf(change: Partial<DoctorFacts>): string[] {
  const { checks } = toDoctorReport({ ...facts, ...change });
  const troubles = checks.filter(({ status }) => status !== 'ok');
  expect(troubles.filter(({ advice, status }) => advice === undefined && status !== 'unknown')).toEqual([]);
  return troubles.map(({ status, message }) => `${status}: ${message}`);
}

test('an installation as the manifests make it is well', () => {
  expect(troublesOf({})).toEqual([]);
});

describe('each fault is found, alone', () => {
  test('1. SPIRE Controller Manager is not installed', () => {
    const served = facts.served.filter((kind) => kind !== outputResource);
    expect(troublesOf({ served })).toEqual(['error: ClusterSPIFFEID is not served']);
  });

  test('2. the definition of bindings is that of another version', () => {
    const name = 'inferenceidentitybindings.kleym.sonda.red';
    const definitions = edit(facts.definitions, name, (one) => ({
      ...one,
      spec: {
        ...one.spec,
        versions: one.spec.versions.map((version) => ({ ...version, selectableFields: [] })),
      },
    }));
    expect(troublesOf({ definitions })).toEqual([
      expect.stringMatching(/^error: the definition inference.* lacks selectable spec\.poolRef\.name, /),
    ]);
  });

  test('3. a function is missing', () => {
    const services = edit(facts.services, 'map-pool', () => undefined);
    expect(troublesOf({ services })).toEqual(['error: function map-pool is not installed']);
  });

  test('4. a function is not ready', () => {
    const services = edit(facts.services, 'sweep', (one) => ({ ...one, status: broken }));
    expect(troublesOf({ services })).toEqual(['error: function sweep is not ready: Broken: no luck']);
  });

  test('5. a Trigger is missing, or not ready', () => {
    for (const name of ['map-output', 'sweep', 'reconcile-new-binding', 'dead-letter-sweep'])
      expect(troublesOf({ triggers: edit(facts.triggers, name, () => undefined) })).toEqual([
        `error: Trigger ${name} is not installed`,
      ]);
    const triggers = edit(facts.triggers, 'reconcile', (one) => ({ ...one, status: broken }));
    expect(troublesOf({ triggers })).toEqual(['error: Trigger reconcile is not ready: Broken: no luck']);
  });

  test('6. a group is served, and no source watches it', () => {
    const served = [...facts.served, poolResources[1]];
    expect(troublesOf({ served })).toEqual([
      'warning: InferencePool of inference.networking.x-k8s.io/v1alpha2 is served, and no source watches it: changes wait for the sweep',
    ]);
  });

  test('7. our own kinds are served, and no source watches them', () => {
    expect(troublesOf({ sources: edit(facts.sources, 'bindings', () => undefined) })).toEqual([
      'error: InferenceIdentityBinding of kleym.sonda.red/v1alpha1 is served, and no source watches it: changes wait for the sweep',
    ]);
  });

  test('8. an adapter does not run, or began before what it watches was there', () => {
    const name = 'inferencepools.inference.networking.k8s.io';
    const definitions = edit(facts.definitions, name, (one) => ({
      ...one,
      metadata: { ...one.metadata, creationTimestamp: '2026-01-03T00:00:00Z' },
    }));
    expect(troublesOf({ definitions })).toEqual([
      `error: the adapter of ApiServerSource pools began before ${name} was installed: nothing is watched`,
    ]);
    const deployments = edit(facts.deployments, 'apiserversource-pools', () => toAdapter('pools', 0));
    expect(troublesOf({ deployments })).toEqual([
      'error: the adapter of ApiServerSource pools does not run: nothing is watched',
    ]);
  });

  test('9. a function or a source lacks its permissions', () => {
    const roleBindings = edit(facts.roleBindings, 'kleym-reconcile', () => undefined);
    expect(troublesOf({ roleBindings })).toEqual([
      'error: function reconcile has no permissions: no ClusterRoleBinding names service account reconcile',
    ]);
    const without = edit(facts.roleBindings, 'kleym-source-pools', () => undefined);
    expect(troublesOf({ roleBindings: without })).toEqual([
      'error: ApiServerSource pools has no permissions: no ClusterRoleBinding names service account source-pools',
    ]);
  });

  test('10. a policy carries another trust domain', () => {
    const variables = [
      { name: 'trustDomain', expression: "'other.org'" },
      { name: 'namespaceSelector', expression: "'true'" },
    ];
    const policies = [{ metadata: { name: 'kleym-output-content', namespace: '' }, spec: { variables } }];
    expect(troublesOf({ policies })).toEqual([
      "error: policy kleym-output-content carries the trust domain 'other.org', the functions have 'example.org': it refuses every output",
    ]);
  });

  test('11. SPIRE Controller Manager has another trust domain, or another class', () => {
    const kind = 'ControllerManagerConfig';
    expect(
      troublesOf({ controllerManager: { kind, trustDomain: 'other.org', className: 'spire-mgmt-spire' } }),
    ).toEqual([
      'error: SPIRE Controller Manager has the trust domain other.org, the functions have example.org: no entry can be made',
    ]);
    expect(
      troublesOf({ controllerManager: { kind, trustDomain: 'example.org', className: 'other' } }),
    ).toEqual([
      'error: SPIRE Controller Manager acts only on class "other", the outputs have "spire-mgmt-spire"',
    ]);
  });

  test('12. a second installation', () => {
    const [first] = typeof facts.services === 'object' ? facts.services : [];
    const second = first && { ...first, metadata: { ...first.metadata, namespace: 'kleym-test' } };
    const services = [
      ...(typeof facts.services === 'object' ? facts.services : []),
      ...(second ? [second] : []),
    ];
    expect(troublesOf({ services })).toEqual([
      'error: functions of kleym are installed in the namespaces kleym-system and kleym-test',
    ]);
    const bindings = [evaluated('one', 'example.org'), evaluated('two', 'other.org')];
    expect(troublesOf({ bindings })).toEqual([
      'error: bindings were evaluated under different settings: example.org, class none; other.org, class none',
    ]);
  });

  test.each([
    ['', 'not set: expected the trust domain of your SPIRE server, such as example.org'],
    [
      'spiffe://prod.corp',
      '"spiffe://prod.corp": trustDomain "spiffe://prod.corp" is not a SPIFFE trust domain: expected 1 to 255 characters out of a-z, 0-9, ".", "_" and "-", without scheme, path or blanks',
    ],
  ])('13. the functions have no trust domain that is one: "%s"', (domain, problem) => {
    const configMaps = edit(facts.configMaps, 'kleym-config', (one) => ({
      ...one,
      data: { ...one.data, KLEYM_TRUST_DOMAIN: domain },
    }));
    expect(troublesOf({ configMaps, policies: [], controllerManager: undefined })).toEqual([
      `error: KLEYM_TRUST_DOMAIN is ${problem}`,
      "unknown: SPIRE Controller Manager's configuration was not found",
    ]);
  });

  test('14. nobody evaluates bindings, and outputs stay behind', () => {
    const orphan = Output.parse({
      ...output('kleym-default-gone-pool-1', { hint: 'default/gone' }),
      metadata: {
        name: 'kleym-default-gone-pool-1',
        uid: 'u',
        resourceVersion: '1',
        labels: {
          'kleym.sonda.red/managed-by': 'kleym',
          'kleym.sonda.red/binding-name': 'gone',
          'kleym.sonda.red/binding-namespace': 'default',
        },
      },
    });
    expect(troublesOf({ bindings: [createBinding(poolOnly)], outputs: [orphan] })).toEqual([
      'warning: 1 bindings were evaluated by nobody yet',
      'warning: ClusterSPIFFEIDs whose binding is gone: kleym-default-gone-pool-1',
    ]);
  });

  test('15. a part of Knative does not run, of those that the Brokers need', () => {
    const eventing = edit(facts.eventing, 'imc-dispatcher', ({ metadata }) => toPart(metadata.name, 0));
    expect(troublesOf({ eventing })).toEqual([
      'error: imc-dispatcher of knative-eventing does not run: events do not arrive',
    ]);
    const brokers = ['kleym', 'kleym-dead-letters'].map((name) => ({
      metadata: { name, namespace: 'kleym-system' },
      status: ready,
    }));
    expect(troublesOf({ eventing, brokers })).toEqual([]);
    expect(troublesOf({ serving: edit(facts.serving, 'activator', () => undefined) })).toEqual([
      'warning: activator of knative-serving is not there',
    ]);
    expect(troublesOf({ serving: [] })).toEqual([
      'unknown: nothing of Knative was found in namespace knative-serving',
    ]);
  });

  test.each([
    ['ImagePullBackOff', 'set "images" of your overlay to an image that the nodes can pull'],
    [
      'CrashLoopBackOff',
      'kubectl -n kleym-system logs map-pool-00002-x --all-containers --previous --prefix',
    ],
    ['CreateContainerConfigError', 'kubectl -n kleym-system describe pod map-pool-00002-x'],
  ])('16. a pod of the newest Revision does not start: %s', (reason, advice) => {
    const services = edit(facts.services, 'map-pool', (one) => ({
      ...one,
      status: { ...ready, latestCreatedRevisionName: 'map-pool-00002' },
    }));
    const pod = toStuckPod('map-pool-00002', reason);
    const { checks } = toDoctorReport({ ...facts, services, pods: [pod] });
    expect(checks.filter(({ status }) => status !== 'ok')).toEqual([
      {
        area: 'functions',
        status: 'error',
        message: `function map-pool does not start: ${reason}, image example.org/kleym:1`,
        advice: expect.stringContaining(advice),
      },
    ]);
    for (const fine of [
      toStuckPod('map-pool-00001', reason),
      toStuckPod('map-pool-00002', 'ContainerCreating'),
    ])
      expect(troublesOf({ services, pods: [fine] })).toEqual([]);
  });
});

test('what may not be read is not known, and no fault', () => {
  const lacks = [{ verb: 'list', resource: 'services', group: 'serving.knative.dev' }] as const;
  expect(troublesOf({ services: undefined, policies: undefined, lacks })).toEqual([
    'unknown: the functions could not be read',
    'unknown: the settings of the functions could not be read',
    'warning: no permission to list services.serving.knative.dev',
  ]);
});

test('the text has what to do behind each fault', () => {
  const services = edit(facts.services, 'map-pool', () => undefined);
  const text = toDoctorText(toDoctorReport({ ...facts, services }), { width: undefined, paint: plain });
  expect(text).toContain(
    '× function map-pool is not installed\n    → kubectl apply --server-side -k your overlay\n',
  );
  expect(text).toMatch(/\n1 errors, 0 warnings, 0 not known, \d+ well\n$/);
});

test('on a cluster without Knative that is what is missing', async () => {
  const command = await useCommand();
  const { output: text, exitCode, problem } = await command.run('doctor');
  expect(problem).toBe('');
  expect(text).toContain('× Knative Serving is not installed\n    → install Knative Serving\n');
  expect(exitCode).toBe(2);
});

test.each([
  ['/api/v1/namespaces', 'no trial was made: '],
  ['/inferencepools', 'no binding could be sent through: '],
])('--trial without the permission on %s is an error, and the rest is reported', async (path, message) => {
  const command = await useCommand();
  command.forbid((asked) => asked.endsWith(path));
  const { output: text, exitCode, problem } = await command.run('doctor --trial');
  expect(problem).toBe('');
  expect(text).toContain(`× ${message}`);
  expect(text).toContain('× Knative Serving is not installed');
  expect(exitCode).toBe(2);
  command.forbid(undefined);
  const namespaces = await command.kube.list({ apiVersion: 'v1', kind: 'Namespace' });
  const left = namespaces.filter(({ metadata }) => metadata.name.startsWith('kleym-trial-'));
  expect(left.filter(({ metadata }) => metadata.deletionTimestamp === undefined)).toEqual([]);
});
