import type { Logger } from 'pino';
import { type Answer, type Facts, nothing, waiting } from '../../shared/events/answers.ts';
import {
  type BindingNames,
  answerBindingsAffected,
  parseBindingsAffected,
} from '../../shared/events/bindings-affected.ts';
import { type Cause, toCause } from '../../shared/events/correlation.ts';
import type { Handler } from '../../shared/events/function-app.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';
import { redact } from '../../shared/text/redact.ts';
import { createEventRecorder } from './event-recorder.ts';
import { createLargeAccounts } from '../../shared/collect/large-accounts.ts';
import { createBatches } from '../../shared/concurrency/batches.ts';
import { forEachLimited } from '../../shared/concurrency/for-each-limited.ts';
import { createLimit } from '../../shared/concurrency/limit.ts';
import { rotate } from '../../shared/concurrency/rotate.ts';
import type { TimedEventLoop } from '../../shared/concurrency/run-in-slices.ts';
import { createTurns } from '../../shared/concurrency/turns.ts';
import { type NamespaceResult, type NamespaceTask, reconcileNamespace } from './reconcile-namespace.ts';
import { type Ending, writesAtOnce, writesBesideOthers } from './run.ts';
import { createWriteShares } from './write-shares.ts';

/** What reconcile needs of the world. */
export interface ReconcileOptions extends TimedEventLoop {
  readonly cluster: Cluster;
  readonly settings: Settings;
  readonly log: Logger;
  readonly nonce: () => string;
  /** Whether the process is about to end. Unsaid, it never is: the platform waits for the requests under way. */
  readonly isEnding?: () => boolean;
}

/** How a request has ended so far for each of its bindings, and what it cost. */
interface Progress {
  readonly own: Ended[];
  /** Neighbours that a run adopted and that have not converged. */
  readonly others: Ended[];
  collects: number;
  writes: number;
  announcements: number;
}

interface Ended {
  readonly namespace: string;
  readonly name: string;
  readonly ending: Ending;
  /** If it was named for a look at the whole namespace, it is named for one again. */
  readonly isWhole?: boolean | undefined;
  /** It is named for its own reason again, as long as no run has looked at it. */
  readonly hasOwnReason?: boolean | undefined;
}

/** What came of the tasks of several requests. */
interface Batch extends NamespaceResult {
  /** What was asked of all of them together. */
  readonly task: NamespaceTask;
  readonly last: NamespaceTask | undefined;
  /** The last of those with many names. */
  readonly lastLarge: NamespaceTask | undefined;
  /** Bindings that nobody asked for and that have not converged. */
  readonly adopted: readonly (readonly [name: string, ending: Ending])[];
}

// After this a request begins no further namespace. Its reply names what is left.
const maxMs = 20_000;
const namespacesAtOnce = 4;
// For all requests together. A request that waits costs little, but a thousand batches at once hold the lists of a
// thousand namespaces, and delay each other's calls until none is answered in time.
const batchesAtOnce = 64;
// More would not make one namespace faster; and while others wait for their calls, fewer make these faster.
const writeLimits = { alone: writesAtOnce, beside: writesBesideOthers };
// Requests that wait for a running batch share the next one, but each occupies a place that others may need. Beyond
// this many for one namespace, requests are answered at once and the Broker sends them again.
const maxWaiting = 256;
const maxNamesWaiting = 100_000;
// While requests wait for a batch, the Broker holds back others of the namespace. When they are answered it sends these,
// and a batch for the few that come first would cost as many reads as one for all of them.
const restMs = 50;
/** Events name a few bindings, a sweep may name thousands. */
const manyNames = 256;

/** Reconciles the bindings that an event names, until they are stable. */
export function reconcile(options: ReconcileOptions): Handler {
  const { cluster, settings, log, nonce, elapsed, yieldToOthers, sleep, isEnding } = options;
  const inTurn = createLimit(batchesAtOnce);
  const shareWrites = createWriteShares(cluster, writeLimits);
  const largeAccounts = createLargeAccounts(elapsed);

  async function reconcileTasks(namespace: string, tasks: readonly NamespaceTask[]): Promise<Batch> {
    const since = elapsed();
    return await inTurn(async () => {
      const task = mergeTasks(namespace, tasks, nonce());
      if (elapsed() - since > maxMs || isEnding?.()) return notBegun(task, tasks);
      const { cluster: shared, leave } = shareWrites();
      const events = createEventRecorder(cluster, log, elapsed);
      const tools = { cluster: shared, nonce, elapsed, yieldToOthers, events, largeAccounts, isEnding };
      try {
        return toBatch(tasks, task, await reconcileNamespace(task, settings, tools));
      } finally {
        leave();
      }
    });
  }

  // A request that is alone, as most are, keeps nobody waiting.
  const batches = createBatches(reconcileTasks, (tasks) =>
    tasks.length > 1 ? sleep(restMs) : Promise.resolve(),
  );

  const queue = createQueue();
  // Hundreds of requests may have waited for one run, and to answer them all at once would block the thread.
  const turn = createTurns(options);

  async function answerTo(cause: Cause, named: readonly BindingNames[], requestLog: Logger): Promise<Answer> {
    const since = elapsed();
    const result: Progress = { own: [], others: [], collects: 0, writes: 0, announcements: 0 };
    // Each event begins with another namespace, so that slow ones do not always keep out the others.
    await forEachLimited(rotate(toTasks(named), cause.id), namespacesAtOnce, async (task) => {
      const { namespace } = task;
      const isLate = elapsed() - since > maxMs;
      const batch = isLate ? undefined : queue.wait(task, () => batches.ask(namespace, [task]));
      const ended = (await batch) ?? notBegun(task, [task]);
      await turn(namespace);
      addBatch(result, task, ended);
    });
    for (const { namespace, name, ending } of result.own)
      if (ending.kind === 'failed')
        requestLog.error({ namespace, name, err: ending.error }, 'binding failed');
    return answerRequest(result, cause);
  }

  return function handleAffected(event, context) {
    const named = parseBindingsAffected(event);
    if (named.kind !== 'done') return Promise.resolve(named);
    context.release?.();
    return answerTo(toCause(event), named.value, context.log);
  };
}

/** One task for each namespace. */
function toTasks(named: readonly BindingNames[]): NamespaceTask[] {
  return [...Map.groupBy(named, ({ namespace }) => namespace)].map(([namespace, groups]) =>
    joinTasks(namespace, groups.map(toTask)),
  );
}

function toTask({ namespace, names, isWhole, hasOwnReason }: BindingNames): NamespaceTask {
  return {
    namespace,
    names,
    whole: new Set(isWhole ? names : []),
    own: new Set(hasOwnReason ? names : []),
  };
}

/** Few names come before many, so that an event does not wait for a sweep. Of many, others come first each time. */
function mergeTasks(namespace: string, tasks: readonly NamespaceTask[], nonce: string): NamespaceTask {
  const sorted = tasks.toSorted((a, b) => a.names.length - b.names.length);
  return joinTasks(
    namespace,
    sorted.map((task) => (hasManyNames(task) ? { ...task, names: rotate(task.names, nonce) } : task)),
  );
}

/** Whoever names a binding for anything else than its own reason wants a look at it. */
function joinTasks(namespace: string, tasks: readonly NamespaceTask[]): NamespaceTask {
  const names = new Set(tasks.flatMap((task) => task.names));
  const others = new Set(tasks.flatMap(({ names: named, own }) => named.filter((name) => !own.has(name))));
  return {
    namespace,
    names: [...names],
    whole: new Set(tasks.flatMap(({ whole }) => [...whole])),
    own: new Set([...names].filter((name) => !others.has(name))),
  };
}

/** Counts what waits for each namespace. */
function createQueue() {
  const waiting = new Map<string, { requests: number; names: number }>();
  return {
    /** Waits with the others of the namespace; undefined if too many wait already. */
    wait: async (
      { namespace, names }: NamespaceTask,
      ask: () => Promise<Batch>,
    ): Promise<Batch | undefined> => {
      const others = waiting.get(namespace) ?? { requests: 0, names: 0 };
      if (others.requests >= maxWaiting || others.names > maxNamesWaiting) return undefined;
      waiting.set(namespace, others);
      others.requests++;
      others.names += names.length;
      try {
        return await ask();
      } finally {
        others.requests--;
        others.names -= names.length;
        if (others.requests === 0) waiting.delete(namespace);
      }
    },
  };
}

function notBegun(task: NamespaceTask, tasks: readonly NamespaceTask[]): Batch {
  const endings = new Map(task.names.map((name) => [name, { kind: 'not-begun' } as const]));
  return toBatch(tasks, task, { endings, collects: 0, writes: 0, announcements: 0 });
}

/** Hundreds of requests may wait for a run over thousands of bindings, so what they share is made once. */
function toBatch(tasks: readonly NamespaceTask[], task: NamespaceTask, result: NamespaceResult): Batch {
  const all = new Set(task.names);
  const adopted = [...result.endings].filter(([name, { kind }]) => !all.has(name) && kind !== 'converged');
  return { ...result, task, last: tasks.at(-1), lastLarge: tasks.findLast(hasManyNames), adopted };
}

function hasManyNames({ names }: NamespaceTask): boolean {
  return names.length > manyNames;
}

/**
 * Adds the endings of a batch that belong to this request. A batch may serve several requests, and each takes its own
 * names. Neighbours that the run adopted belong to nobody, so only the request that came last takes them: it has waited
 * least, and if a hundred requests took them all, they would be looked at a hundred times. Nor do several sweeps name
 * what was not reached: each reply is a request again, and so many would keep everybody else from waiting here. The last
 * of them does, if it asks for no less of a binding.
 */
function addBatch(
  result: Progress,
  task: NamespaceTask,
  { task: merged, last, lastLarge, adopted, endings, collects, writes, announcements }: Batch,
): void {
  const { namespace, names, whole } = task;
  const others = lastLarge !== task && hasManyNames(task) ? lastLarge : undefined;
  const namedByLast = new Set(others?.names);
  const isTakenByLast = (name: string) =>
    namedByLast.has(name) &&
    (others?.whole.has(name) || !whole.has(name)) &&
    (!others?.own.has(name) || task.own.has(name));
  for (const name of names) {
    const ending = endings.get(name);
    if (!ending || (isLeft(ending) && isTakenByLast(name))) continue;
    const hasOwnReason = ending.kind === 'not-begun' && merged.own.has(name);
    result.own.push({ namespace, name, ending, isWhole: whole.has(name), hasOwnReason });
  }
  if (last === task) for (const [name, ending] of adopted) result.others.push({ namespace, name, ending });
  result.collects += collects;
  result.writes += writes;
  result.announcements += announcements;
}

function answerRequest({ own, others, collects, writes, announcements }: Progress, cause: Cause): Answer {
  const facts = { bindings: own.length, neighbours: others.length, collects, writes };
  const left = own.filter(({ ending }) => isLeft(ending));
  const held = own.filter(({ ending }) => ending.kind === 'waiting' || ending.kind === 'failed');
  // A 503 forgets the neighbours, and is slow if there is more to do. So as long as there are neighbours to add, or the
  // request has made progress, a reply names them together with those that wait or failed. After that only time helps,
  // and the answer is the error.
  const hasProgressed = writes > announcements || own.length > left.length + held.length;
  if (others.length > 0 || (left.length > 0 && hasProgressed))
    return replyWithNames([...left, ...held, ...others], cause, facts);
  for (const { ending } of own) if (ending.kind === 'failed') throw ending.error;
  const [first] = [...held, ...left];
  if (!first) return nothing(facts);
  return waiting(redact(`${first.namespace}/${first.name}: ${toReason(first.ending)}`));
}

function isLeft({ kind }: Ending): boolean {
  return kind === 'unfinished' || kind === 'not-begun';
}

function toReason(ending: Ending): string {
  return ('message' in ending ? ending.message : undefined) ?? 'not reached in time';
}

function replyWithNames(ended: readonly Ended[], cause: Cause, facts: Facts): Answer {
  const bindings = ended.map(({ namespace, name, isWhole, hasOwnReason }) => ({
    namespace,
    names: [name],
    isWhole,
    hasOwnReason,
  }));
  return answerBindingsAffected({ from: 'reconcile', cause, bindings }, facts);
}
