import { createApiWithoutPort } from '@kleym/kube-api/without-port';
import { z } from 'zod';
import { outputResource } from '../../shared/api/cluster-spiffe-id.ts';
import { type Resource, toApiVersion } from '../../shared/api/object-meta.ts';
import { knownKinds } from '../../shared/explain/kube/served-kinds.ts';
import type { Manifest } from './parse-manifests.ts';

/** What an API server says of a manifest. */
export type Judgement =
  | { readonly kind: 'accepted'; readonly object: unknown }
  | { readonly kind: 'refused'; readonly causes: readonly Cause[] }
  /** A kind that is none of ours. */
  | { readonly kind: 'unknown' };

/** One thing that is wrong with a manifest. */
export interface Cause {
  readonly reason: string;
  /** Such as `spec.poolRef.name`; empty: the object as a whole. */
  readonly field: string;
  readonly message: string;
}

/** Judges manifests as an API server with these definitions would: schema, unknown fields, defaults and CEL rules. */
export interface Judge {
  readonly judge: (manifest: Manifest, namespace: string) => Judgement;
}

/** What an API server answers where it does not store an object. */
const Status = z.object({
  message: z.string(),
  details: z
    .object({
      causes: z.array(z.object({ reason: z.string(), message: z.string(), field: z.string() })).optional(),
    })
    .optional(),
});
type Status = z.infer<typeof Status>;

/** Makes a judge; nothing that it judges is kept. */
export function createJudge(definitions: readonly string[]): Judge {
  const answer = createApiWithoutPort(definitions);
  const namespaces = new Set<string>();

  function post(path: string, body: unknown): { readonly status: number; readonly body: unknown } {
    const { status, text } = answer({
      method: 'POST',
      url: new URL(path, 'http://judge.local'),
      contentType: 'application/json',
      body: JSON.stringify(body),
    });
    return { status, body: status === 404 ? undefined : JSON.parse(text) };
  }

  function ensureNamespace(name: string): void {
    if (namespaces.has(name)) return;
    namespaces.add(name);
    post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }

  return {
    judge: ({ apiVersion, kind, value }, namespace) => {
      const resource = knownKinds.find((one) => one.kind === kind && toApiVersion(one) === apiVersion);
      if (!resource) return { kind: 'unknown' };
      if (resource !== outputResource) ensureNamespace(namespace);
      const path = toPath(resource, namespace);
      const { status, body } = post(`${path}&fieldValidation=Strict`, value);
      if (status === 404) return { kind: 'unknown' };
      if (status < 300) return { kind: 'accepted', object: body };
      const strict = toUnknownFields(Status.parse(body));
      if (strict.length === 0) return { kind: 'refused', causes: toCauses(Status.parse(body)) };
      // An API server stops at unknown fields; what is wrong beside them would come out with the next try.
      const beside = post(`${path}&fieldValidation=Ignore`, value);
      const others = beside.status < 300 ? [] : toCauses(Status.parse(beside.body));
      return { kind: 'refused', causes: [...strict, ...others] };
    },
  };
}

function toPath(resource: Resource, namespace: string): string {
  const place = resource === outputResource ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `/apis/${toApiVersion(resource)}${place}/${resource.plural}?dryRun=All`;
}

function toCauses({ message, details }: Status): readonly Cause[] {
  const { causes = [] } = details ?? {};
  if (causes.length === 0) return [{ reason: 'Invalid', field: '', message }];
  return causes.map((cause) => ({ ...cause, field: cause.field.replace('<nil>', '') }));
}

/** The words are the API server's; read are they for the place only. */
function toUnknownFields({ message }: Status): readonly Cause[] {
  if (!message.includes('strict decoding error: ')) return [];
  return [...message.matchAll(/unknown field "([^"]+)"/g)].map(([words, field = '']) => ({
    reason: 'UnknownField',
    field,
    message: words,
  }));
}
