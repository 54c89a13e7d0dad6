import { parseAllDocuments } from 'yaml';
import { answerRequest } from './api.ts';
import { type Json, isJsonObject } from './json.ts';
import { type Kinds, groupVersionOf } from './kinds.ts';
import type { ServerState } from './server-state.ts';

/** Creates or updates the objects of YAML documents, in their order; throws one line that says what could not be applied. */
export function applyManifests(state: ServerState, manifests: string): void {
  for (const document of parseManifests(manifests)) applyDocument(state, document);
}

/** The objects of YAML documents; empty documents, which generators leave between separators, are skipped. */
function parseManifests(manifests: string): Json[] {
  return parseAllDocuments(manifests, { schema: 'core' }).flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw new Error(`cannot read manifests: ${error.message}`, { cause: error });
    const value = document.toJS() as Json;
    if (value === null) return [];
    return isJsonObject(value) && value['kind'] === 'List' && Array.isArray(value['items'])
      ? value['items']
      : [value];
  });
}

function applyDocument(state: ServerState, document: Json): void {
  const { path, described } = pathFor(state.kinds, document);
  try {
    answerRequest(state, {
      method: 'PATCH',
      path,
      query: new URLSearchParams({ fieldManager: 'embedded-cluster' }),
      accept: '',
      contentType: 'application/apply-patch+yaml',
      body: JSON.stringify(document),
    });
  } catch (error) {
    throw new Error(`cannot apply ${described}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

function pathFor(kinds: Kinds, document: Json): { path: string; described: string } {
  const object = isJsonObject(document) ? document : {};
  const metadata = isJsonObject(object['metadata']) ? object['metadata'] : {};
  const { name = '', namespace = 'default' } = metadata;
  const described = `${String(object['kind'])} ${String(name)}`;
  const resource = kinds.findKind(String(object['apiVersion']), String(object['kind']));
  if (resource === undefined) {
    throw new Error(
      `cannot apply ${described}: ${String(object['apiVersion'])} has no such kind here; install its CRD first`,
    );
  }
  const root = `/${resource.group === '' ? 'api' : 'apis'}/${groupVersionOf(resource)}`;
  const place = resource.isNamespaced ? `/namespaces/${String(namespace)}` : '';
  return { path: `${root}${place}/${resource.plural}/${encodeURIComponent(String(name))}`, described };
}
