import { z } from 'zod';
import type { ApiServer } from '../../shared/kube/api-server.ts';
import { type Change, KubeObject, guessPlural } from './api-server-event.ts';
import { type KubeResponse, withKubeRequest } from './kube-request.ts';

/** Which objects to watch. */
interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  /** Undefined: all namespaces. Cluster-scoped kinds are watched as a whole either way. */
  readonly namespace: string | undefined;
  readonly labelSelector: string | undefined;
}

/** What became of a watch. Each is told once, not at each repetition. */
export type WatchNews =
  | { readonly kind: 'watching' }
  /** The CRD or its group is not installed; watching begins by itself when it is. */
  | { readonly kind: 'missing'; readonly reason: string }
  /** The API server refuses, for want of permission as a rule. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** The API server cannot be reached, cannot serve for the moment, or a connection broke. */
  | { readonly kind: 'interrupted'; readonly reason: string };

export interface WatchOptions {
  readonly apiServer: ApiServer;
  readonly resource: Resource;
  readonly signal: AbortSignal;
  /** Returns early when the signal is aborted. */
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly random: () => number;
  /** Called with one change after the other; the next is read when it has resolved. */
  readonly onChange: (change: Change, object: KubeObject) => Promise<void>;
  /** What exists now may have changed unseen: at the start, and after each relist. */
  readonly onGap: () => void;
  readonly onNews: (news: WatchNews) => void;
}

const answerWithinMs = 30_000;
const watchSeconds = 300;
/** An API server sends a bookmark about every minute; one that sends none is asked again, which loses nothing. */
const idleMs = 150_000;
const backoff = { firstMs: 500, lastMs: 5000 };
/** A refusal after so many failures gives the place up: what stands there may be what cannot be served. */
const failuresBeforeRelist = 5;
/** A CRD is installed while somebody waits for it, so it is looked for more often than a broken server. */
const discoveryBackoff = { firstMs: 1000, lastMs: 5000 };

const ResourceList = z.object({
  resources: z.array(z.object({ name: z.string(), namespaced: z.boolean() })),
});
const List = z.object({ metadata: z.object({ resourceVersion: z.string().min(1) }) });
const Status = z.object({ message: z.string().optional(), code: z.number().optional() });
const WatchLine = z.discriminatedUnion('type', [
  z.object({ type: z.enum(['ADDED', 'MODIFIED', 'DELETED']), object: KubeObject }),
  z.object({
    type: z.literal('BOOKMARK'),
    object: z.object({ metadata: z.object({ resourceVersion: z.string() }) }),
  }),
  z.object({ type: z.literal('ERROR'), object: Status }),
]);

const changes = { ADDED: 'add', MODIFIED: 'update', DELETED: 'delete' } as const satisfies Record<
  string,
  Change
>;

/** An answer of the API server that ends a watch or keeps it from beginning. */
class RefusedError extends Error {
  readonly status: number;
  constructor(status: number, message: string, cause?: unknown) {
    super(message, { cause });
    this.status = status;
  }
}

/** Where a watch stands: what is asked, and the last version seen; without a version the next step is a list. */
interface Position {
  path: string | undefined;
  version: string | undefined;
  /** How often in a row the API server did not know the version; the first time is ordinary. */
  expired: number;
  failures: number;
  told: string | undefined;
}

/**
 * Watches a resource until the signal is aborted, through restarts of the API server and through CRDs that come and go.
 * A connection that ends is taken up where it stood; only where the API server no longer knows that place is there a gap.
 */
export async function watchResource(options: WatchOptions): Promise<void> {
  const position: Position = {
    path: undefined,
    version: undefined,
    expired: 0,
    failures: 0,
    told: undefined,
  };
  while (!options.signal.aborted) {
    try {
      await advance(options, position);
    } catch (error) {
      if (options.signal.aborted) return;
      await recover(options, position, error);
    }
  }
}

async function advance(options: WatchOptions, position: Position): Promise<void> {
  if (position.path === undefined) {
    position.path = await discover(options);
    position.failures = 0;
  }
  if (position.version === undefined) {
    position.version = await currentVersion(options, position.path);
    options.onGap(); // after the list: what changes from here on is watched
  }
  await watch(options, position, position.path, position.version);
}

async function recover(options: WatchOptions, position: Position, error: unknown): Promise<void> {
  const status = error instanceof RefusedError ? error.status : undefined;
  if (status === 404) position.path = undefined;
  const isStuck = status !== undefined && position.failures >= failuresBeforeRelist;
  if (status === 404 || status === 410 || isStuck) position.version = undefined;
  // Compacted, or the API server was restarted: a list helps at once.
  position.expired = status === 410 ? position.expired + 1 : 0;
  if (position.expired === 1) return;
  position.failures += 1;

  const { apiVersion, kind } = options.resource;
  const reason = `${apiVersion} ${kind}: ${describe(error)}`;
  const refused = status === undefined || status === 429 || status >= 500 ? 'interrupted' : 'refused';
  tell(options, position, { kind: status === 404 ? 'missing' : refused, reason });
  const { firstMs, lastMs } = status === 404 ? discoveryBackoff : backoff;
  const delay = Math.min(firstMs * 2 ** Math.min(position.failures - 1, 16), lastMs);
  await options.sleep(delay * (0.5 + options.random() / 2));
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

function tell({ onNews }: WatchOptions, position: Position, news: WatchNews): void {
  if (position.told === news.kind) return;
  position.told = news.kind;
  onNews(news);
}

async function discover({ apiServer, resource, signal }: WatchOptions): Promise<string> {
  const { apiVersion, kind, namespace } = resource;
  const plural = guessPlural(kind);
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const request = { path: root, signal, answerWithinMs };
  const { resources } = await withKubeRequest(apiServer, request, async (response) =>
    ResourceList.parse(await readOk(response)),
  );
  const found = resources.find(({ name }) => name === plural);
  if (!found) throw new RefusedError(404, `the API server serves ${apiVersion}, but no ${plural} in it`);
  return found.namespaced && namespace !== undefined
    ? `${root}/namespaces/${namespace}/${plural}`
    : `${root}/${plural}`;
}

async function currentVersion({ apiServer, resource, signal }: WatchOptions, path: string): Promise<string> {
  // One object is enough: the version is that of the whole list, and the objects are left to the sweep.
  const query = { limit: '1', ...toSelector(resource) };
  const request = { path, query, signal, answerWithinMs };
  const list = await withKubeRequest(apiServer, request, async (response) =>
    List.parse(await readOk(response)),
  );
  return list.metadata.resourceVersion;
}

async function watch(options: WatchOptions, position: Position, path: string, from: string): Promise<void> {
  const { apiServer, resource, signal, onChange, random } = options;
  const query = {
    watch: 'true',
    resourceVersion: from,
    allowWatchBookmarks: 'true',
    timeoutSeconds: String(Math.round(watchSeconds * (0.9 + random() / 10))), // not all watches at one moment
    ...toSelector(resource),
  };
  await withKubeRequest(apiServer, { path, query, signal, answerWithinMs }, async (response) => {
    if (response.status !== 200) await readOk(response);
    tell(options, position, { kind: 'watching' });
    for await (const line of response.lines(idleMs)) {
      const event = parseLine(line);
      if (event.type === 'ERROR') {
        throw new RefusedError(
          event.object.code ?? 500,
          event.object.message ?? 'the watch ended with an error',
        );
      }
      if (event.type !== 'BOOKMARK') await onChange(changes[event.type], event.object);
      signal.throwIfAborted();
      position.version = event.object.metadata.resourceVersion ?? position.version;
      position.expired = 0;
      position.failures = 0;
    }
  });
  // A server that accepts watches and ends each at once must not be asked in a tight loop.
  position.failures = position.version === from ? position.failures + 1 : 0;
  if (position.failures > 1)
    await options.sleep(Math.min(backoff.firstMs * 2 ** Math.min(position.failures, 6), backoff.lastMs));
}

function parseLine(line: string): z.infer<typeof WatchLine> {
  try {
    return WatchLine.parse(JSON.parse(line));
  } catch (cause) {
    throw new RefusedError(502, `a line of the watch cannot be read: ${line.slice(0, 200)}`, cause);
  }
}

function toSelector({ labelSelector }: Resource): Record<string, string> {
  return labelSelector === undefined ? {} : { labelSelector };
}

async function readOk(response: KubeResponse): Promise<unknown> {
  const body = await response.json();
  if (response.status === 200) return body;
  const status = Status.safeParse(body);
  const message = (status.success && status.data.message) || String(body).trim().slice(0, 200);
  throw new RefusedError(response.status, `the API server answered ${response.status}: ${message}`);
}
