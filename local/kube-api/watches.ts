import type { JsonObject } from './json.ts';
import { forbidMatch, parseResourceVersion, parseSelection } from './lists.ts';
import { type Resource, groupVersionOf } from './kinds.ts';
import { type KubeObject, withMetadata } from './kube-object.ts';
import { type StatusError, badRequest, gone, tooLargeResourceVersion } from './status-error.ts';
import type { Selector } from './selectors.ts';
import type { Change, Store } from './store.ts';

export type WatchType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';

/** Where the events of one watch go. Objects arrive as they are stored; the receiver presents them. */
export interface WatchSink {
  send(type: Exclude<WatchType, 'ERROR'>, object: KubeObject): void;
  /** Tells why there will be no more, and ends. */
  fail(status: JsonObject): void;
  end(): void;
}

export interface WatchRequest {
  readonly resource: Resource;
  readonly matches: Selector;
  /** Whether it begins with what there is now. */
  readonly wantsState: boolean;
  /** After which revision changes are told; undefined: from now on. */
  readonly since: number | undefined;
  /** What a client has already seen elsewhere: a list that streams must not show less. */
  readonly notOlderThan: number;
  readonly wantsBookmarks: boolean;
  readonly timeoutSeconds: number | undefined;
}

/** Whether a GET of a collection asks for a watch. */
export function isWatch(query: URLSearchParams): boolean {
  return isTrue(query.get('watch'));
}

function isTrue(text: string | null): boolean {
  return text === 'true' || text === '1' || text === '';
}

/** Reads what a watch asks for; `sendInitialEvents` makes it a list that streams. */
export function parseWatch(resource: Resource, namespace: string, query: URLSearchParams): WatchRequest {
  const match = query.get('resourceVersionMatch') ?? '';
  const initial = query.get('sendInitialEvents');
  if (initial !== null && match !== 'NotOlderThan') {
    throw forbidMatch('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  }
  if (initial === null && match !== '') {
    throw forbidMatch('resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided');
  }
  const asked = parseResourceVersion(query);
  const isOpen = asked === undefined || asked === 0;
  const wantsState = initial === null ? isOpen : isTrue(initial);
  return {
    resource,
    matches: parseSelection(resource, namespace, query),
    wantsState,
    since: wantsState || isOpen ? undefined : asked,
    notOlderThan: wantsState ? (asked ?? 0) : 0,
    wantsBookmarks: query.has('allowWatchBookmarks') && isTrue(query.get('allowWatchBookmarks')),
    timeoutSeconds: parseTimeout(query),
  };
}

function parseTimeout(query: URLSearchParams): number | undefined {
  const text = query.get('timeoutSeconds') ?? '';
  if (text === '') return undefined;
  if (!/^\d+$/.test(text))
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text) === 0 ? undefined : Number(text);
}

const bookmarkInterval = 60_000;
const longestWatch = 30 * 60;

/** Starts a watch and returns how to stop it. */
export function startWatch(store: Store, request: WatchRequest, sink: WatchSink): () => void {
  const { resource, matches, wantsBookmarks, since = store.revision() } = request;
  const current = store.revision();
  const refusal = refuseStart(store, request, since);
  if (refusal !== undefined) {
    sink.fail(refusal.status);
    return () => {};
  }
  if (request.wantsState) {
    for (const object of store.list(resource.storage).filter(matches)) sink.send('ADDED', object);
    if (wantsBookmarks)
      sink.send('BOOKMARK', bookmark(resource, current, { 'k8s.io/initial-events-end': 'true' }));
  }
  for (const change of store.changesSince(resource.storage, since)) sendMatching(change, matches, sink);
  const unsubscribe = store.subscribe((change) => {
    if (change.storage === resource.storage && change.revision > since) sendMatching(change, matches, sink);
  });
  const sendBookmark = (): void => {
    if (wantsBookmarks) sink.send('BOOKMARK', bookmark(resource, store.revision()));
  };
  const marking = setInterval(sendBookmark, bookmarkInterval);
  const ending = setTimeout(
    () => {
      sendBookmark();
      sink.end();
    },
    (request.timeoutSeconds ?? longestWatch) * 1000,
  );
  return () => {
    clearInterval(marking);
    clearTimeout(ending);
    unsubscribe();
  };
}

function refuseStart(store: Store, request: WatchRequest, since: number): StatusError | undefined {
  const [oldest, newest] = [store.compactedRevision(), store.revision()];
  if (since < oldest) return gone(`too old resource version: ${since} (${oldest})`);
  return request.notOlderThan > newest ? tooLargeResourceVersion(request.notOlderThan, newest) : undefined;
}

function bookmark(resource: Resource, revision: number, annotations?: Record<string, string>): KubeObject {
  const metadata = {
    resourceVersion: String(revision),
    creationTimestamp: undefined,
    ...(annotations && { annotations }),
  };
  return { kind: resource.kind, apiVersion: groupVersionOf(resource), metadata } as unknown as KubeObject;
}

/** What a change is to somebody who only sees what a selector matches. */
function sendMatching(change: Change, matches: Selector, sink: WatchSink): void {
  const before = change.previous !== undefined && matches(change.previous);
  const now = change.type !== 'DELETED' && matches(change.object);
  if (now) {
    sink.send(before ? 'MODIFIED' : 'ADDED', change.object);
    return;
  }
  if (!before || change.previous === undefined) return;
  // An object that leaves the selection is shown as it was, under the revision in which it left.
  sink.send('DELETED', withMetadata(change.previous, { resourceVersion: String(change.revision) }));
}
