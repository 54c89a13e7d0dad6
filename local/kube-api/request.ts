import { isWatch } from './watches.ts';

/** What a client sent, before anybody asked what it means. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly accept: string;
  readonly contentType: string;
  readonly body: string;
}

export type Verb =
  | 'get'
  | 'list'
  | 'watch'
  | 'create'
  | 'update'
  | 'patch'
  | 'delete'
  | 'deletecollection'
  | 'other';

/** The parts of an address below a group and version; what is not there is the empty text. */
export interface ResourcePath {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
}

const namespaceParts = new Set(['status', 'finalize']);

/** Reads the address of a resource; undefined where it is something else, discovery for instance. */
export function parseResourcePath(path: string): ResourcePath | undefined {
  const [root, ...parts] = path
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent);
  if (root !== 'api' && root !== 'apis') return undefined;
  const group = root === 'api' ? '' : (parts.shift() ?? '');
  const [version, first, ...rest] = parts;
  if (version === undefined || first === undefined) return undefined;
  const [second, third] = rest;
  if (first !== 'namespaces' || third === undefined || (rest.length === 2 && namespaceParts.has(third))) {
    const [name = '', ...deeper] = rest;
    return { group, version, plural: first, namespace: '', name, subresource: deeper.join('/') };
  }
  const [, plural = '', name = '', ...deeper] = rest;
  return { group, version, plural, namespace: second ?? '', name, subresource: deeper.join('/') };
}

/** What a request wants of the resource at its address. */
export function verbOf(method: string, isOne: boolean, query: URLSearchParams): Verb {
  switch (method) {
    case 'GET':
      if (isOne) return 'get';
      return query.has('watch') && isWatch(query) ? 'watch' : 'list';
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return isOne ? 'delete' : 'deletecollection';
    default:
      return 'other';
  }
}
