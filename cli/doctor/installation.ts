import { z } from 'zod';
import type { Resource } from '../../shared/api/object-meta.ts';
import { StringMap } from '../../shared/api/strings.ts';

/** The kinds of which an installation consists. */
export const installedResources = {
  services: { group: 'serving.knative.dev', version: 'v1', kind: 'Service', plural: 'services' },
  triggers: { group: 'eventing.knative.dev', version: 'v1', kind: 'Trigger', plural: 'triggers' },
  brokers: { group: 'eventing.knative.dev', version: 'v1', kind: 'Broker', plural: 'brokers' },
  sources: {
    group: 'sources.knative.dev',
    version: 'v1',
    kind: 'ApiServerSource',
    plural: 'apiserversources',
  },
  pings: { group: 'sources.knative.dev', version: 'v1', kind: 'PingSource', plural: 'pingsources' },
  deployments: { group: 'apps', version: 'v1', kind: 'Deployment', plural: 'deployments' },
  pods: { group: '', version: 'v1', kind: 'Pod', plural: 'pods' },
  configMaps: { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps' },
  definitions: {
    group: 'apiextensions.k8s.io',
    version: 'v1',
    kind: 'CustomResourceDefinition',
    plural: 'customresourcedefinitions',
  },
  policies: {
    group: 'admissionregistration.k8s.io',
    version: 'v1',
    kind: 'ValidatingAdmissionPolicy',
    plural: 'validatingadmissionpolicies',
  },
  roleBindings: {
    group: 'rbac.authorization.k8s.io',
    version: 'v1',
    kind: 'ClusterRoleBinding',
    plural: 'clusterrolebindings',
  },
} as const satisfies Record<string, Resource>;

/** The label by which what belongs to an ApiServerSource names it. */
export const sourceLabel = 'eventing.knative.dev/sourceName';

/** The functions, each a Knative Service. */
export const functionNames = [
  'map-binding',
  'map-objective',
  'map-output',
  'map-pool',
  'reconcile',
  'sweep',
] as const;

/** The Brokers. */
export const brokerNames = ['kleym', 'kleym-dead-letters'] as const;

/** The PingSources. */
export const pingNames = ['sweep'] as const;

/** The Triggers, of which each brings a function what no other one brings it. */
export const triggerNames = [
  'map-binding',
  'reconcile-new-binding',
  'map-pool',
  'map-objective',
  'map-output',
  'reconcile',
  'sweep',
  'dead-letter-sweep',
  'dead-letter-reconcile',
] as const;

const Metadata = z.object({
  name: z.string(),
  namespace: z.string().default(''),
  labels: StringMap.optional(),
  creationTimestamp: z.string().optional(),
});

const Condition = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string().optional(),
  message: z.string().optional(),
  lastUpdateTime: z.string().optional(),
});

const Status = z
  .object({ conditions: z.array(Condition).optional() })
  .optional()
  .catch(undefined);

/** Something of Knative that says whether it is ready. */
export const Conditioned = z.object({ metadata: Metadata, status: Status });
export type Conditioned = z.infer<typeof Conditioned>;

/** Where events go. One that is made of channels says of which kind they are. */
export const Broker = z.object({
  metadata: Metadata,
  status: z
    .object({ conditions: z.array(Condition).optional(), annotations: StringMap.optional() })
    .optional()
    .catch(undefined),
});
export type Broker = z.infer<typeof Broker>;

export const Service = z.object({
  metadata: Metadata,
  spec: z.object({
    template: z.object({
      spec: z.object({
        serviceAccountName: z.string().optional(),
        containers: z.array(
          z.object({
            image: z.string().optional(),
            envFrom: z
              .array(z.object({ configMapRef: z.object({ name: z.string() }).optional() }))
              .optional(),
          }),
        ),
      }),
    }),
  }),
  status: z
    .object({
      conditions: z.array(Condition).optional(),
      latestCreatedRevisionName: z.string().optional(),
      latestReadyRevisionName: z.string().optional(),
    })
    .optional()
    .catch(undefined),
});
export type Service = z.infer<typeof Service>;

export const Trigger = z.object({
  metadata: Metadata,
  spec: z.object({
    broker: z.string().optional(),
    subscriber: z.object({ ref: z.object({ name: z.string() }).optional() }).optional(),
  }),
  status: Status,
});
export type Trigger = z.infer<typeof Trigger>;

export const Source = z.object({
  metadata: Metadata,
  spec: z.object({
    serviceAccountName: z.string().optional(),
    resources: z.array(z.object({ apiVersion: z.string(), kind: z.string() })),
  }),
  status: Status,
});
export type Source = z.infer<typeof Source>;

export const Deployment = z.object({
  metadata: Metadata,
  spec: z.object({ replicas: z.int().optional() }).optional().catch(undefined),
  status: z
    .object({ availableReplicas: z.int().optional(), conditions: z.array(Condition).optional() })
    .optional()
    .catch(undefined),
});
export type Deployment = z.infer<typeof Deployment>;

const ContainerStatus = z.object({
  image: z.string().optional(),
  state: z
    .object({
      running: z.object({ startedAt: z.string() }).optional(),
      waiting: z.object({ reason: z.string().optional() }).optional(),
    })
    .optional(),
});

/** A pod of a function or of a source. */
export const Pod = z.object({
  metadata: Metadata,
  status: z
    .object({ containerStatuses: z.array(ContainerStatus).optional() })
    .optional()
    .catch(undefined),
});
export type Pod = z.infer<typeof Pod>;

export const ConfigMap = z.object({ metadata: Metadata, data: StringMap.optional() });
export type ConfigMap = z.infer<typeof ConfigMap>;

const Schema = z.looseObject({ properties: z.record(z.string(), z.unknown()).optional() });

export const Definition = z.object({
  metadata: Metadata,
  spec: z.object({
    group: z.string(),
    names: z.object({ kind: z.string() }),
    versions: z.array(
      z.object({
        name: z.string(),
        served: z.boolean(),
        selectableFields: z.array(z.object({ jsonPath: z.string() })).optional(),
        schema: z.object({ openAPIV3Schema: Schema.optional() }).optional(),
      }),
    ),
  }),
});
export type Definition = z.infer<typeof Definition>;

export const Policy = z.object({
  metadata: Metadata,
  spec: z.object({
    variables: z.array(z.object({ name: z.string(), expression: z.string() })).optional(),
  }),
});
export type Policy = z.infer<typeof Policy>;

/** Who has a ClusterRole. */
export const RoleBinding = z.object({
  metadata: Metadata,
  subjects: z
    .array(z.object({ kind: z.string(), name: z.string(), namespace: z.string().optional() }))
    .optional()
    .catch(undefined),
});
export type RoleBinding = z.infer<typeof RoleBinding>;

/** Whether Knative says that something is ready; if not, why. */
export function findTrouble({ status }: Pick<Conditioned, 'status'>): string | undefined {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.status === 'True') return undefined;
  return ready
    ? [ready.reason, ready.message].filter(Boolean).join(': ') || `Ready is ${ready.status}`
    : 'it has no status yet';
}
