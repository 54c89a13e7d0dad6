import type { Server } from 'node:http';
import { parseAllDocuments, stringify } from 'yaml';
import type { Machine } from './api.ts';
import { answerRequest } from './api.ts';
import { builtInKinds, lastingNamespaces } from './built-in-kinds.ts';
import { resourcesOf } from './definitions.ts';
import type { HttpServer, Intercept } from './http-server.ts';
import { bindPort, serveApi } from './http-server.ts';
import type { Json } from './json.ts';
import { isJsonObject, isSameJson } from './json.ts';
import type { Kinds } from './kinds.ts';
import { createKinds, groupVersionOf } from './kinds.ts';
import type { Journal } from './persistence.ts';
import { openJournal } from './persistence.ts';
import type { Store } from './store.ts';
import { createStore } from './store.ts';
import { runTerminations } from './terminations.ts';

/** A Kubernetes API in this process: kinds, storage and watches, but nothing that runs workloads. */
export interface EmbeddedCluster {
  readonly url: string;
  /** A kubeconfig that leads here, as YAML. */
  kubeconfig(): string;
  /** Creates or updates the objects of YAML documents, in their order. */
  apply(manifests: string): Promise<void>;
  /** Lets a hook decide what becomes of each request; undefined takes it away. */
  intercept(hook: Intercept | undefined): void;
  /** Ends every open watch as a network failure would. */
  breakWatches(): void;
  /** Forgets history: older resourceVersions answer 410. */
  compact(): void;
  close(): Promise<void>;
}

export interface ClusterOptions {
  /** 0 or none: any free port. */
  readonly port?: number;
  /** Where the cluster is kept across restarts; none: in memory only. */
  readonly dataFolder?: string;
  /** CustomResourceDefinitions to install at the start, as YAML. */
  readonly crds?: string[];
  readonly log?: (line: string) => void;
}

/** A log is started anew when it has grown to this many lines more than there are objects. */
const mostSurplusLines = 20_000;

const definitionStorage = 'customresourcedefinitions';

function openStore(journal: Journal | undefined): Store {
  if (journal === undefined) return createStore([], () => {});
  let isDue = false;
  const store = createStore(journal.entries, (entry) => {
    journal.record(entry);
    if (isDue || journal.length() < mostSurplusLines) return;
    isDue = true;
    // Later, when this write is in the store too.
    setImmediate(() => {
      journal.rewrite(store.entries(), store.revision());
      isDue = false;
    });
  });
  journal.rewrite(store.entries(), store.revision());
  return store;
}

/** Serves what is defined, from now on and as it changes; watches end when their definition changes or goes. */
function followDefinitions(store: Store, kinds: Kinds, endWatches: (storage: string) => void): void {
  for (const definition of store.list(definitionStorage))
    kinds.define(definition.metadata.name, resourcesOf(definition));
  store.subscribe(({ storage, type, key, object, previous }) => {
    if (storage !== definitionStorage) return;
    if (type === 'DELETED') kinds.define(key, []);
    else if (!isSameJson(object['spec'], previous?.['spec'])) kinds.define(key, resourcesOf(object));
    else return;
    endWatches(key);
  });
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

function applyDocument(machine: Machine, document: Json): void {
  const { path, described } = pathFor(machine.kinds, document);
  try {
    answerRequest(machine, {
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

function toKubeconfig(url: string): string {
  const name = 'embedded';
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    // The client library refuses plain HTTP unless it is told so in these words.
    clusters: [{ name, cluster: { server: url, 'insecure-skip-tls-verify': true } }],
    users: [{ name, user: {} }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: 'default' } }],
    'current-context': name,
  });
}

function expose(machine: Machine, server: HttpServer, journal: Journal | undefined): EmbeddedCluster {
  const url = `http://127.0.0.1:${server.port}`;
  return {
    url,
    kubeconfig: () => toKubeconfig(url),
    async apply(manifests) {
      for (const document of parseManifests(manifests)) applyDocument(machine, document);
      return Promise.resolve();
    },
    intercept: (hook) => server.intercept(hook),
    breakWatches: () => server.breakWatches(),
    compact: () => machine.store.compact(),
    async close() {
      await server.close();
      journal?.close();
    },
  };
}

function openJournalOf(folder: string, bound: Server): Journal {
  try {
    return openJournal(folder);
  } catch (error) {
    bound.close();
    throw error;
  }
}

/** Starts a cluster; it has the namespaces `default` and `kube-system` and the given definitions. */
export async function startCluster(options: ClusterOptions): Promise<EmbeddedCluster> {
  const { port = 0, dataFolder, crds = [], log = () => {} } = options;
  const bound = await bindPort(port);
  const journal = dataFolder === undefined ? undefined : openJournalOf(dataFolder, bound);
  const store = openStore(journal);
  const kinds = createKinds(builtInKinds);
  const machine = { store, kinds };
  const server = serveApi(bound, machine, log);
  followDefinitions(store, kinds, (resource) => server.endWatches(resource));
  runTerminations(store, kinds);
  const cluster = expose(machine, server, journal);
  try {
    for (const name of lastingNamespaces)
      await cluster.apply(`{apiVersion: v1, kind: Namespace, metadata: {name: ${name}}}`);
    for (const crd of crds) await cluster.apply(crd);
  } catch (error) {
    await cluster.close();
    throw error;
  }
  return cluster;
}
