import type { Resource } from '../api/object-meta.ts';

/** Kinds of Kubernetes itself. */
export const podResource = core('Pod', 'pods');
export const namespaceResource = core('Namespace', 'namespaces');
export const configMapResource = core('ConfigMap', 'configmaps');
export const eventResource = core('Event', 'events');

function core(kind: string, plural: string): Resource {
  return { group: '', version: 'v1', kind, plural };
}
