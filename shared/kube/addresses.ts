import { type Resource, toApiVersion } from '../api/object-meta.ts';
import { shorten } from '../text/shorten.ts';

/** Where an object, or with no name a list, is found. */
export interface Address {
  readonly resource: Resource;
  readonly namespace?: string | undefined;
  readonly name?: string;
  readonly subresource?: 'status';
}

/** No object's name is longer, and a path that is would be refused as a whole. */
const longestName = 253;

/**
 * Could an object be called this? Other texts must not become part of a path: the API server takes `x%2Fstatus`
 * for `x`, every URL parser resolves `..`, and no name at all is the address of the list.
 */
export function isPathSegment(text: string): boolean {
  return text.length <= longestName && !['', '.', '..'].includes(text) && !/[/%]/.test(text);
}

/** The path of an address. */
export function toPath({ resource, namespace, name, subresource }: Address): string {
  const segments = [
    ...(namespace === undefined ? [] : ['namespaces', namespace]),
    resource.plural,
    ...(name === undefined ? [] : [name]),
    ...(subresource === undefined ? [] : [subresource]),
  ];
  const impossible = segments.find((segment) => !isPathSegment(segment));
  if (impossible !== undefined) {
    throw new Error(
      `${JSON.stringify(shorten(impossible, longestName))} cannot be part of a path to ${resource.plural}`,
    );
  }
  const root = resource.group === '' ? '/api' : '/apis';
  return `${root}/${toApiVersion(resource)}/${segments.map(encodeURIComponent).join('/')}`;
}
