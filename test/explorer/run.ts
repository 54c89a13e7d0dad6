import type { RunResult } from '../../functions/reconcile/reconcile-bindings.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import { UncertainError } from '../../shared/api/uncertain-error.ts';
import { type Call, isWrite } from './model-cluster.ts';
import { type Manner, openPort, reconcileNamed } from './run-alone.ts';
import { type Shape, extendShape, toShape } from './shape.ts';

/** A call that a run has made and that is not answered yet. */
export interface Pending {
  readonly index: number;
  readonly call: Call;
}

/** What a run gets for a call. `uncertain`: it never learns what became of it. */
type Answer = { readonly kind: 'known'; readonly value: unknown } | { readonly kind: 'uncertain' };

/** One answer to a run, and how many milliseconds old the run is from then on. */
interface Entry {
  readonly index: number;
  readonly answer: Answer;
  readonly elapsed: number;
}

/**
 * A run between two of its calls. Code that waits cannot be copied, so a run is the history of its answers: what it
 * does next is found by running `settle` again on them. Runs with one history share one position.
 */
export interface Position {
  readonly id: string;
  readonly names: readonly string[];
  readonly manner: Manner;
  /** Not answered yet, in the order in which they were issued. */
  readonly pending: readonly Pending[];
  /** How it ended. */
  readonly result: RunResult | undefined;
  /** The uids of the bindings that it has seen. */
  readonly seen: ReadonlySet<string>;
  /** Its history, comparable up to the names of uids and the like. */
  readonly shape: Shape;
  readonly history: readonly Entry[];
}

/** Where runs come from, and how they go on. */
export interface Runner {
  readonly start: (id: string, names: readonly string[], manner: Manner) => Promise<Position>;
  readonly answer: (
    position: Position,
    pending: Pending,
    answer: Answer,
    elapsed: number,
  ) => Promise<Position>;
  /** How often `settle` was begun. */
  readonly replays: () => number;
}

/** Answers at once what cannot differ whenever it is asked, so that it is no step of its own. */
export type Constant = (call: Call) => { readonly value: unknown } | undefined;

/** Drives the shipped `settle`. */
export function createRunner(settings: Settings, constant: Constant): Runner {
  const starts = new Map<string, Promise<Position>>();
  const next = new WeakMap<Position, Map<string, Promise<Position>>>();
  const live = new WeakMap<Position, Instance>();
  let replays = 0;

  async function replay({ id, names, manner, history }: Begun): Promise<Instance> {
    replays++;
    const instance = begin({ id, names, manner }, settings, constant);
    await idle();
    for (const entry of history) await instance.feed(entry);
    return instance;
  }

  function toPosition(instance: Instance, from: Begun & Pick<Position, 'seen' | 'shape'>): Position {
    const { error, result } = instance.state();
    if (error !== undefined) throw error;
    for (const ending of result?.endings.values() ?? []) if (ending.kind === 'failed') throw ending.error;
    const pending = instance.pending();
    const position = { ...from, pending, result };
    live.set(position, instance);
    return position;
  }

  async function advance(position: Position, entry: Entry): Promise<Position> {
    const { id, names, manner } = position;
    const instance = live.get(position) ?? (await replay(position));
    live.delete(position);
    await instance.feed(entry);
    return toPosition(instance, {
      id,
      names,
      manner,
      seen: new Set([...position.seen, ...bindingUidsIn(entry.answer)]),
      history: [...position.history, entry],
      shape: extendShape(position.shape, entry),
    });
  }

  return {
    start: (id, names, manner) => {
      const key = JSON.stringify([id, names, manner]);
      const begun = { id, names, manner, history: [] };
      const known =
        starts.get(key) ??
        replay(begun).then((instance) =>
          toPosition(instance, { ...begun, seen: new Set(), shape: toShape([names, manner]) }),
        );
      starts.set(key, known);
      return known;
    },
    answer: (position, { index }, answer, elapsed) => {
      const key = JSON.stringify([index, elapsed, answer]);
      const ways = next.get(position) ?? new Map<string, Promise<Position>>();
      next.set(position, ways);
      const known = ways.get(key) ?? advance(position, { index, answer, elapsed });
      ways.set(key, known);
      return known;
    },
    replays: () => replays,
  };
}

type Begun = Pick<Position, 'id' | 'names' | 'manner' | 'history'>;

/** A `settle` under way. */
interface Instance {
  readonly feed: (entry: Entry) => Promise<void>;
  readonly pending: () => Pending[];
  readonly state: () => { readonly result: RunResult | undefined; readonly error: unknown };
}

function begin(
  { id, names, manner }: Omit<Begun, 'history'>,
  settings: Settings,
  constant: Constant,
): Instance {
  const open = new Map<
    number,
    { call: Call; resolve: (value: unknown) => void; reject: (error: Error) => void }
  >();
  let [issued, nonces, age] = [0, 0, 0];
  let result: RunResult | undefined;
  let error: unknown;

  function ask(call: Call): Promise<unknown> {
    const known = constant(call);
    if (known) return Promise.resolve(known.value);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    open.set(issued++, { call, resolve, reject });
    return promise;
  }

  const { cluster } = openPort(ask);
  const events = { record: () => undefined, flush: () => Promise.resolve() };
  const tools = {
    cluster,
    events,
    nonce: () => `nonce~${id}.${++nonces}`,
    elapsed: () => age,
    yieldToOthers,
  };
  reconcileNamed(names, manner, settings, tools).then(
    (run) => (result = run),
    (thrown: unknown) => {
      // A collect that fails ends the run: its names are asked for again.
      if (!(thrown instanceof UncertainError)) error = thrown;
      else
        result = {
          endings: new Map(names.map((name) => [name, waiting])),
          collects: 0,
          writes: 0,
          announcements: 0,
          listed: 0,
        };
    },
  );
  return {
    feed: async ({ index, answer, elapsed }) => {
      const call = open.get(index);
      if (!call) throw new Error(`run ${id} has no call ${index} that waits for an answer`);
      open.delete(index);
      age = elapsed;
      if (answer.kind === 'known') call.resolve(answer.value);
      else call.reject(new UncertainError('no answer'));
      await idle();
    },
    pending: () => [...open].map(([index, { call }]) => ({ index, call })),
    state: () => ({ result, error }),
  };
}

const waiting = { kind: 'waiting', message: 'no answer' } as const;
const yieldToOthers = () => Promise.resolve();

/** Everything that a run can do without another answer has been done. */
function idle(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

function bindingUidsIn(answer: Answer): string[] {
  if (answer.kind === 'uncertain') return [];
  const { value } = answer as {
    value: { metadata?: { uid: string }; items?: { metadata: { uid: string } }[] };
  };
  const objects = [...(value.items ?? []), ...(value.metadata ? [{ metadata: value.metadata }] : [])];
  return objects.map(({ metadata }) => metadata.uid).filter((uid) => uid.startsWith('uid~binding.'));
}

/** What a run may get an answer to next: writes in any order, reads in that in which they were issued, or in any too. */
export function nextCalls({ pending }: Position, isAnyOrder = false): Pending[] {
  if (isAnyOrder) return [...pending];
  const first = pending.find(({ call }) => !isWrite(call));
  return [...(first ? [first] : []), ...pending.filter(({ call }) => isWrite(call))];
}
