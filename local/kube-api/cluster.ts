import type { Server } from 'node:http';
import { stringify } from 'yaml';
import { applyManifests } from './apply-manifests.ts';
import { lastingNamespaces } from './built-in-kinds.ts';
import { bindPort, serveApi } from './http-server.ts';
import { type Journal, openJournal } from './persistence.ts';
import { createServerState } from './server-state.ts';
import { type Store, createStore } from './store.ts';
import { runTerminations } from './terminations.ts';

/** A Kubernetes API in this process: kinds, storage and watches, but nothing that runs workloads. */
export interface EmbeddedCluster {
  readonly url: string;
  /** Whether it began empty: in memory, or in a folder where no cluster was kept. */
  readonly isNew: boolean;
  /** A kubeconfig that leads here, as YAML. */
  kubeconfig(): string;
  /** Creates or updates the objects of YAML documents, in their order. */
  apply(manifests: string): Promise<void>;
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
  readonly crds?: readonly string[];
}

/** Starts a cluster; it has the namespaces `default` and `kube-system` and the given definitions. */
export async function startCluster(options: ClusterOptions): Promise<EmbeddedCluster> {
  const { port = 0, dataFolder, crds = [] } = options;
  const bound = await bindPort(port);
  const journal = dataFolder === undefined ? undefined : openJournalOf(dataFolder, bound);
  const state = createServerState(openStore(journal), (storage) => server.endWatches(storage));
  const server = serveApi(bound, state);
  runTerminations(state);
  const url = `http://127.0.0.1:${server.port}`;
  const cluster: EmbeddedCluster = {
    url,
    isNew: journal === undefined || journal.entries.length === 0,
    kubeconfig: () => toKubeconfig(url),
    apply: async (manifests) => applyManifests(state, manifests),
    compact: () => state.store.compact(),
    close: async () => {
      await server.close();
      journal?.close();
    },
  };
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

function openJournalOf(folder: string, bound: Server): Journal {
  try {
    return openJournal(folder);
  } catch (error) {
    bound.close();
    throw error;
  }
}

/** A log is started anew when it has grown to this many lines more than there are objects. */
const mostSurplusLines = 20_000;

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
