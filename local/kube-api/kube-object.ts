import type { Json, JsonObject } from './json.ts';

export type Metadata = {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  generateName?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: JsonObject[];
};

/** One object of any kind. Once stored it is never changed, only replaced. */
export type KubeObject = {
  apiVersion: string;
  kind: string;
  metadata: Metadata;
  [field: string]: Json | undefined;
};

/** The same object with some of its metadata replaced; `undefined` takes a field away. */
export function withMetadata(
  object: KubeObject,
  changes: { [Field in keyof Metadata]?: Metadata[Field] | undefined },
): KubeObject {
  const merged = Object.entries({ ...object.metadata, ...changes }).filter(
    ([, value]) => value !== undefined,
  );
  return { ...object, metadata: { name: object.metadata.name, ...Object.fromEntries(merged) } };
}

/** The key of an object among those of its kind, in the order in which lists show them. */
export function keyOf(namespace: string | undefined, name: string): string {
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

/** Whether a deletion has begun that finalizers still hold back. */
export function isDeleting(object: KubeObject): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}
