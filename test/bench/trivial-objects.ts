import { type Manifest } from '../support/kube-client.ts';
import { findManifest, readManifests } from '../support/kustomization.ts';
import { serveTrivially } from './trivial-service.ts';

/** The trivial services and what brings them events: as kleym's own, but for names, what runs, and a shorter window. */
export function trivialObjects(place: string, image: string): Manifest[] {
  const base = readManifests('base');
  const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch', 'patch'] }];
  const rbac = 'rbac.authorization.k8s.io';
  const roleRef = { apiGroup: rbac, kind: 'Role', name: 'trivial' };
  const subjects = [{ kind: 'ServiceAccount', name: 'trivial', namespace: place }];
  const add = { exact: { type: 'dev.knative.apiserver.resource.add' } };
  const { metadata, spec } = findManifest(base, 'Broker', 'kleym');
  const { delivery } = spec as { readonly delivery: object };
  const brokerSpec = { delivery: { ...delivery, deadLetterSink: undefined } };
  return [
    at(place, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'trivial' } }),
    at(place, { apiVersion: `${rbac}/v1`, kind: 'Role', metadata: { name: 'trivial' }, rules }),
    at(place, {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata: { name: 'trivial' },
      roleRef,
      subjects,
    }),
    at(place, {
      apiVersion: 'eventing.knative.dev/v1',
      kind: 'Broker',
      metadata: { name: 'trivial', annotations: metadata.annotations ?? {} },
      spec: brokerSpec,
    }),
    trivialService(place, base, 'single', image),
    trivialService(place, base, 'first', image, 'trivial.seen'),
    trivialService(place, base, 'second', image),
    trivialTrigger(place, 'single', [{ prefix: { name: 'single-' } }, add]),
    trivialTrigger(place, 'first', [{ prefix: { name: 'chain-' } }, add]),
    trivialTrigger(place, 'second', [{ exact: { type: 'trivial.seen' } }]),
    at(place, {
      apiVersion: 'sources.knative.dev/v1',
      kind: 'ApiServerSource',
      metadata: { name: 'config-maps' },
      spec: {
        serviceAccountName: 'trivial',
        mode: 'Resource',
        resources: [{ apiVersion: 'v1', kind: 'ConfigMap' }],
        sink: { ref: { apiVersion: 'eventing.knative.dev/v1', kind: 'Broker', name: 'trivial' } },
      },
    }),
  ];
}

function trivialService(
  place: string,
  base: readonly Manifest[],
  name: string,
  image: string,
  replyType = '',
): Manifest {
  const { apiVersion, kind, metadata, spec } = findManifest(base, 'Service', 'reconcile');
  const { template } = spec as {
    readonly template: {
      readonly metadata: Manifest['metadata'];
      readonly spec: { readonly containers: readonly object[] };
    };
  };
  const annotations = {
    ...template.metadata.annotations,
    'autoscaling.knative.dev/window': '10s',
    'autoscaling.knative.dev/scale-to-zero-pod-retention-period': '0s',
  };
  const containers = template.spec.containers.map((container) => ({
    ...container,
    image,
    args: ['-e', `(${serveTrivially.toString()})()`],
    envFrom: [],
    env: [{ name: 'REPLY_TYPE', value: replyType }],
  }));
  const templateSpec = { ...template.spec, serviceAccountName: 'trivial', containers };
  return {
    apiVersion,
    kind,
    metadata: { name, namespace: place, labels: metadata.labels ?? {} },
    spec: { template: { metadata: { annotations }, spec: templateSpec } },
  };
}

function trivialTrigger(place: string, name: string, filters: readonly object[]): Manifest {
  const ref = { apiVersion: 'serving.knative.dev/v1', kind: 'Service', name };
  return at(place, {
    apiVersion: 'eventing.knative.dev/v1',
    kind: 'Trigger',
    metadata: { name },
    spec: { broker: 'trivial', filters, subscriber: { ref } },
  });
}

/** The object in a namespace. */
export function at(namespace: string, object: Manifest): Manifest {
  return { ...object, metadata: { ...object.metadata, namespace } };
}
