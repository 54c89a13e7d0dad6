import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { readDefinitions } from '../../crds/definitions.ts';
import { type Access, type Api, type Body, createApi } from './api.ts';

/** A Kubernetes API server that the contract is put to. */
export interface Subject {
  readonly api: Api;
  /** The text of a kubeconfig for somebody who may do everything. */
  readonly kubeconfig: string;
  /** Makes the API server forget what was before now. */
  readonly expire: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** What it takes to put the contract to a server. */
export interface SubjectOptions extends Access {
  readonly kubeconfig: string;
  readonly expire: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** A server on which our definitions are installed. */
export async function prepareSubject({
  url,
  ca,
  token,
  kubeconfig,
  expire,
  stop,
}: SubjectOptions): Promise<Subject> {
  const api = createApi({ url, ...(ca !== undefined && { ca }), ...(token !== undefined && { token }) });
  const definitions = (await readDefinitions()).map((text) => parse(text) as Definition);
  for (const definition of definitions) await install(api, definition);
  for (const definition of definitions) await untilServed(api, definition);
  return { api, kubeconfig, expire, stop };
}

/** A CustomResourceDefinition, with the parts by which it is found. */
export interface Definition {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly group: string;
    readonly names: { readonly plural: string };
    readonly versions: readonly { readonly name: string; readonly [field: string]: unknown }[];
    readonly [field: string]: unknown;
  };
}

export const definitionsPath = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

async function install(api: Api, definition: Definition): Promise<void> {
  const { status, text } = await api.post(definitionsPath, definition);
  if (status !== 201) throw new Error(`${definition.metadata.name} cannot be installed: ${status} ${text}`);
}

/** Where the objects of a definition are listed, in its first version and over all namespaces. */
export function collectionOf({ spec }: Definition): string {
  return `/apis/${spec.group}/${spec.versions[0]?.name}/${spec.names.plural}`;
}

/** Waits until a definition's objects can be listed; what was answered until then is returned. */
export async function untilServed(
  api: Api,
  definition: Definition,
): Promise<{ status: number; body: Body; retryAfter?: string }[]> {
  const before = [];
  for (let tries = 0; tries < 200; tries += 1) {
    const { status, headers, body } = await api.get(collectionOf(definition));
    if (status === 200) return before;
    const retryAfter = headers['retry-after'];
    before.push({ status, body, ...(retryAfter !== undefined && { retryAfter }) });
    await sleep(50);
  }
  throw new Error(`${definition.metadata.name} is not served; the last answer was ${before.at(-1)?.status}`);
}

let lastName = 0;

/** A name that nothing has yet. */
export function newName(prefix: string): string {
  lastName += 1;
  return `${prefix}-${lastName}-${randomBytes(3).toString('hex')}`;
}

/** The paths of a new namespace. */
export interface Place {
  readonly namespace: string;
  readonly bindings: string;
  readonly configMaps: string;
  readonly events: string;
  readonly coreEvents: string;
}

/** Makes a namespace for one test. */
export async function newPlace(api: Api): Promise<Place> {
  const namespace = newName('contract');
  const { status, text } = await api.post('/api/v1/namespaces', { metadata: { name: namespace } });
  if (status !== 201) throw new Error(`the namespace ${namespace} could not be made: ${status} ${text}`);
  return {
    namespace,
    bindings: `/apis/kleym.sonda.red/v1alpha1/namespaces/${namespace}/inferenceidentitybindings`,
    configMaps: `/api/v1/namespaces/${namespace}/configmaps`,
    events: `/apis/events.k8s.io/v1/namespaces/${namespace}/events`,
    coreEvents: `/api/v1/namespaces/${namespace}/events`,
  };
}

export const outputsPath = '/apis/spire.spiffe.io/v1alpha1/clusterspiffeids';

/** A binding; the second argument is merged into its metadata, the third into its spec. */
export function bindingOf(name: string, metadata: object = {}, spec: object = {}) {
  return {
    apiVersion: 'kleym.sonda.red/v1alpha1',
    kind: 'InferenceIdentityBinding',
    metadata: { name, ...metadata },
    spec: { mode: 'PoolOnly', poolRef: { name: 'pool-a' }, serviceAccountName: 'inference-sa', ...spec },
  };
}

/** A ClusterSPIFFEID. */
export function outputOf(name: string, metadata: object = {}, spec: object = {}) {
  return {
    apiVersion: 'spire.spiffe.io/v1alpha1',
    kind: 'ClusterSPIFFEID',
    metadata: { name, ...metadata },
    spec: { spiffeIDTemplate: 'spiffe://example.org/a', podSelector: {}, ...spec },
  };
}

/** Makes an object and returns it as it was stored. */
export async function made(api: Api, path: string, body: object): Promise<Body> {
  const { status, body: stored, text } = await api.post(path, body);
  if (status !== 201) throw new Error(`could not be made at ${path}: ${status} ${text}`);
  return stored;
}

/** What an answer says is wrong. Some versions say the same thing twice. */
export function causesOf({ details }: Body): object[] {
  const causes = (details?.causes ?? []).map((cause) => JSON.stringify(cause));
  return [...new Set(causes)].map((cause) => JSON.parse(cause) as object);
}
