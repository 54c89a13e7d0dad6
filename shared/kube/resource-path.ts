import type { Resource } from '../api/object-meta.ts';

/** The path of a list; the kinds of Kubernetes itself have no group. */
export function toResourcePath({ group, version, plural }: Resource, namespace: string | undefined): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  return `${root}${namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`}/${plural}`;
}
