import { setTimeout as sleep } from 'node:timers/promises';
import type { Stored } from './kube-client.ts';

/** One write that etcd has, of a binding or an output. */
export interface RecordedWrite {
  readonly revision: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly kind: 'binding' | 'output';
  /** After the write; after a deletion, as it was before. */
  readonly object: Stored;
}

/** What bindings and outputs there were when the record began, and everything that was written since. */
export interface History {
  readonly start: readonly RecordedWrite[];
  readonly events: readonly RecordedWrite[];
}

/** Watches all bindings and outputs of an API server without a gap. */
export interface WriteRecorder {
  /** Resolves when everything up to these writes is recorded: touch one object of each kind, and hand in the answers. */
  upTo(binding: Stored, output: Stored): Promise<void>;
  history(): History;
  /** Ends the watches; throws where the record has a gap. */
  stop(): Promise<void>;
}

const paths = {
  binding: '/apis/kleym.sonda.red/v1alpha1/inferenceidentitybindings',
  output: '/apis/spire.spiffe.io/v1alpha1/clusterspiffeids',
} as const;
type Kind = keyof typeof paths;
const kinds = ['binding', 'output'] as const satisfies readonly Kind[];

interface Tape {
  readonly kind: Kind;
  readonly start: RecordedWrite[];
  readonly events: RecordedWrite[];
  /** Everything up to here is on the tape. */
  revision: number;
  failure: unknown;
}

/** Begins to record on an API server that asks for no credentials. */
export async function startWriteRecorder(server: string): Promise<WriteRecorder> {
  const stopping = new AbortController();
  const tapes = await Promise.all(kinds.map((kind) => openTape(server, kind)));
  const running = tapes.map((tape) => record(server, tape, stopping.signal));
  return {
    upTo: async (...objects) => {
      for (const [index, tape] of tapes.entries()) await reach(tape, revisionOf(objects[index]));
    },
    history: () => ({
      start: tapes.flatMap(({ start }) => start),
      events: tapes.flatMap(({ events }) => events).toSorted((a, b) => a.revision - b.revision),
    }),
    stop: async () => {
      stopping.abort();
      await Promise.all(running);
      const failed = tapes.find(({ failure }) => failure !== undefined);
      if (failed) throw new Error(`the record of ${failed.kind}s has a gap`, { cause: failed.failure });
    },
  };
}

async function reach(tape: Tape, revision: number): Promise<void> {
  for (let tries = 0; tries < 400; tries += 1) {
    if (tape.failure !== undefined)
      throw new Error(`the record of ${tape.kind}s has a gap`, { cause: tape.failure });
    if (tape.revision >= revision) return;
    await sleep(25);
  }
  throw new Error(`the record of ${tape.kind}s is at ${tape.revision}, and does not come to ${revision}`);
}

async function openTape(server: string, kind: Kind): Promise<Tape> {
  const response = await fetch(`${server}${paths[kind]}`);
  if (!response.ok) throw new Error(`GET ${paths[kind]}: answered ${response.status}`);
  const list = (await response.json()) as { metadata: { resourceVersion: string }; items: Stored[] };
  const start = list.items.map((object): RecordedWrite => ({
    revision: revisionOf(object),
    type: 'ADDED',
    kind,
    object,
  }));
  return { kind, start, events: [], revision: Number(list.metadata.resourceVersion), failure: undefined };
}

/** A watch that ends is taken up where it stood. Only when the API server has forgotten that place is something lost. */
async function record(server: string, tape: Tape, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && tape.failure === undefined) {
    try {
      await watchOnce(server, tape, signal);
    } catch (error) {
      if (error instanceof GapError) tape.failure = error;
      else if (!signal.aborted) await sleep(100);
    }
  }
}

class GapError extends Error {}

async function watchOnce(server: string, tape: Tape, signal: AbortSignal): Promise<void> {
  const query = `watch=true&allowWatchBookmarks=true&resourceVersion=${tape.revision}`;
  const response = await fetch(`${server}${paths[tape.kind]}?${query}`, { signal });
  if (response.status === 410) throw new GapError(`revision ${tape.revision} is forgotten`);
  if (!response.ok || !response.body) throw new Error(`the watch was answered ${response.status}`);
  let rest = '';
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = `${rest}${text}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(tape, JSON.parse(line) as Line);
  }
}

interface Line {
  readonly type: RecordedWrite['type'] | 'BOOKMARK' | 'ERROR';
  readonly object: Stored;
}

function take(tape: Tape, { type, object }: Line): void {
  if (type === 'ERROR') throw new GapError(`the watch ended with ${JSON.stringify(object)}`);
  const revision = revisionOf(object);
  // Two events of one revision would be one write told twice, and the order of the two kinds rests on revisions.
  if (revision < tape.revision || (type !== 'BOOKMARK' && revision === tape.revision)) {
    throw new GapError(`revision ${revision} came after ${tape.revision}`);
  }
  tape.revision = revision;
  if (type !== 'BOOKMARK') tape.events.push({ revision, type, kind: tape.kind, object });
}

function revisionOf(object: Stored | undefined): number {
  return Number(object?.metadata.resourceVersion ?? Number.NaN);
}
