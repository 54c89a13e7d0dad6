import { randomUUID } from 'node:crypto';
import { CloudEvent } from 'cloudevents';
import { z } from 'zod';

/** What every object of the API server has; the rest of it is carried along unread. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly resourceVersion?: string;
    readonly [field: string]: unknown;
  };
}

const Shape = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.object({
    name: z.string(),
    namespace: z.string().optional(),
    resourceVersion: z.string().optional(),
  }),
});

// Checked, but passed on as it is: a parsed copy would have its fields in another order than the API server's.
export const KubeObject = z.custom<KubeObject>(
  (value) => Shape.safeParse(value).success,
  'expected an object with apiVersion, kind and metadata.name',
);

export type Change = 'add' | 'update' | 'delete';

export interface EventOrigin {
  /** The API server's address. */
  readonly server: string;
  readonly mode: 'Resource' | 'Reference';
  readonly plural: string;
  readonly extensions?: Readonly<Record<string, string>>;
}

/** Makes the event that Knative's ApiServerSource adapter sends for a change of an object. */
export function toApiServerEvent(
  change: Change,
  object: KubeObject,
  origin: EventOrigin,
): CloudEvent<unknown> {
  const { apiVersion, kind, metadata } = object;
  // Cluster-scoped objects have the attribute too, empty, and a double slash in their subject.
  const namespace = metadata.namespace ?? '';
  const isReference = origin.mode === 'Reference';
  return new CloudEvent<unknown>({
    id: randomUUID(),
    type: `dev.knative.apiserver.${isReference ? 'ref' : 'resource'}.${change}`,
    source: origin.server,
    subject: `/apis/${apiVersion}/namespaces/${namespace}/${origin.plural}/${metadata.name}`,
    datacontenttype: 'application/json',
    apiversion: apiVersion,
    kind,
    name: metadata.name,
    namespace,
    data: isReference
      ? { kind, ...(namespace === '' ? {} : { namespace }), name: metadata.name, apiVersion }
      : object,
    ...origin.extensions,
  });
}

/** Guesses a kind's plural as Knative does; kinds that do not follow the rule cannot be watched by it. */
export function guessPlural(kind: string): string {
  const singular = kind.toLowerCase();
  if (singular.endsWith('s')) return `${singular}es`;
  if (singular.endsWith('y')) return `${singular.slice(0, -1)}ies`;
  return `${singular}s`;
}
