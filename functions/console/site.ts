import type { Snapshot } from '../../shared/decide/world.ts';
import { type Permission, createLacks } from '../../shared/explain/kube/permissions.ts';
import { readNamespace } from '../../shared/explain/kube/read-namespace.ts';
import type { ResolveSettings } from '../../shared/explain/settings/resolved-settings.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import type { Reads } from '../../shared/kube/open-reads.ts';
import type { Frame } from './page/shell.tsx';
import { type Lines, readLines } from './read-lines.ts';
import { remember } from './remember.ts';
import { type Source, readSources } from './read-sources.ts';

/** What the pages are made from. */
export interface Site {
  readonly kube: Reads;
  readonly frame: Frame;
  /** Every binding of the cluster, as it was a moment ago. */
  readonly readLines: () => Promise<Lines>;
  /** The pools and objectives of the cluster. */
  readonly readSources: () => Promise<readonly Source[]>;
  readonly readNamespace: (namespace: string) => Promise<SeenNamespace>;
}

/** A namespace, as far as it may be read. */
export interface SeenNamespace {
  readonly snapshot: Snapshot;
  /** Its pools and objectives, whether a binding names them or not. */
  readonly sources: readonly Source[];
  readonly lacks: readonly Permission[];
}

/** The console is configured as the functions are. */
export function toConfigured(settings: Settings): ResolveSettings {
  const source = 'configuration';
  const resolved = {
    settings,
    trustDomainSource: source,
    classNameSource: source,
    isDiscovered: true,
  } as const;
  return () => resolved;
}

/** An open page asks every few seconds: what is this old is new enough, for all pages together. */
const keepMs = 2000;
/** As many as one pod makes pages of at once. */
const mostNamespaces = 8;

/** What the pages of one cluster are made from. */
export function createSite(kube: Reads, frame: Frame, elapsed: () => number): Site {
  const once = { keepMs, most: 1, elapsed };
  const lines = remember(() => readLines(kube.lookups), once);
  const sources = remember(() => readSources(kube.lookups), once);
  const outputs = remember(() => kube.cluster.listOutputs({}), once);
  const cluster: Reads['cluster'] = {
    ...kube.cluster,
    // Which ClusterSPIFFEIDs of others select a pod is seen from all of them.
    listOutputs: (labels, options) =>
      Object.keys(labels).length === 0 ? outputs('all') : kube.cluster.listOutputs(labels, options),
  };
  return {
    kube: { ...kube, cluster },
    frame,
    readLines: () => lines('all'),
    readSources: () => sources('all'),
    readNamespace: remember((namespace) => seeNamespace(kube, frame, namespace), {
      keepMs,
      most: mostNamespaces,
      elapsed,
    }),
  };
}

async function seeNamespace(kube: Reads, { settings }: Frame, namespace: string): Promise<SeenNamespace> {
  const lacks = createLacks();
  // Nothing of what is shown depends on the time.
  const at = new Date(0).toISOString();
  const [snapshot, sources] = await Promise.all([
    readNamespace({ ...kube, namespace }, { settings, lacks, at, known: [] }),
    readSources(kube.lookups, namespace),
  ]);
  return { snapshot, sources, lacks: lacks.all() };
}
