import type { Logger } from 'pino';
import { type Answer, type Facts, nothing, waiting } from '../../shared/events/answers.ts';
import {
  type BindingNames,
  answerBindingsAffected,
  parseBindingsAffected,
} from '../../shared/events/bindings-affected.ts';
import type { Cause } from '../../shared/events/correlation.ts';
import type { Handler } from '../../shared/events/function-app.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';
import { redact } from '../../shared/text/redact.ts';
import { createEventRecorder } from './event-recorder.ts';
import { createBatches } from '../../shared/concurrency/batches.ts';
import { forEachLimited } from '../../shared/concurrency/for-each-limited.ts';
import { createLimit } from '../../shared/concurrency/limit.ts';
import { rotate } from '../../shared/concurrency/rotate.ts';
import type { EventLoop } from '../../shared/concurrency/run-in-slices.ts';
import { type RunResult, reconcileBindings } from './reconcile-bindings.ts';
import type { Ending } from './run.ts';
import { createWriteShares } from './write-shares.ts';

/** What reconcile needs of the world. */
export interface ReconcileOptions extends EventLoop {
  readonly cluster: Cluster;
  readonly settings: Settings;
  readonly log: Logger;
  readonly nonce: () => string;
}

/** How a request ended for each of its bindings so far, and what it took. */
interface Progress {
  readonly own: Ended[];
  /** Neighbours that were looked after beside them, and have not converged. */
  readonly others: Ended[];
  collects: number;
  writes: number;
  announcements: number;
}

interface Ended {
  readonly namespace: string;
  readonly name: string;
  readonly ending: Ending;
}

/** A run, with what it was asked for. */
interface Batch extends RunResult {
  readonly asked: readonly string[];
}

// A request begins no further namespace after this long: what is left goes into its reply.
const maxMs = 20_000;
const namespacesAtOnce = 4;
// Of all requests together, for a request that waits costs little: a thousand batches at once hold the lists of a thousand
// namespaces, and keep each other's calls waiting until none is answered in time.
const batchesAtOnce = 64;
// More make one namespace no faster; and while others wait for their calls, fewer make these faster.
const writesAtOnce = { alone: 16, beside: 4 };
// Requests that wait for the batch that runs are put together, but each takes a place that others may need. Of one
// namespace no more than these wait; the others are answered at once, and the Broker brings them again.
const maxWaiting = 256;
const maxNamesWaiting = 100_000;
/** Among the names of a batch: somebody asks for a look at the whole namespace. No binding is called so. */
const wholeNamespace = '*';

/** Reconciles the bindings that an event names, until they are stable. */
export function reconcile(options: ReconcileOptions): Handler {
  const { cluster, settings, log, nonce, elapsed, yieldToOthers } = options;
  const inTurn = createLimit(batchesAtOnce);
  const shareWrites = createWriteShares(cluster, writesAtOnce);
  const batches = createBatches(async (namespace, asked): Promise<Batch> => {
    const names = asked.filter((name) => name !== wholeNamespace);
    const task = { namespace, names, isWhole: names.length < asked.length };
    const since = elapsed();
    return await inTurn(async () => {
      if (elapsed() - since > maxMs) return notBegun(task);
      const { cluster: shared, leave } = shareWrites();
      const events = createEventRecorder(cluster, log, elapsed);
      const tools = { cluster: shared, nonce, elapsed, yieldToOthers, events };
      try {
        return { asked: names, ...(await reconcileBindings(task, settings, tools)) };
      } finally {
        leave();
      }
    });
  });

  const queue = createQueue();

  return async function handleAffected(event, context) {
    const named = parseBindingsAffected(event);
    if (named.kind !== 'done') return named;
    context.release?.();
    const since = elapsed();
    const result: Progress = { own: [], others: [], collects: 0, writes: 0, announcements: 0 };
    // A few namespaces that are slow must not keep out those that come after them, in each event.
    await forEachLimited(rotate(named.value, event.id), namespacesAtOnce, async (group) => {
      const { namespace, names, isWhole } = group;
      const isLate = elapsed() - since > maxMs;
      const asked = isWhole ? [...names, wholeNamespace] : names;
      const batch = isLate ? undefined : queue.wait(group, () => batches.ask(namespace, asked));
      addBatch(result, group, (await batch) ?? notBegun(group));
    });
    for (const { namespace, name, ending } of result.own)
      if (ending.kind === 'failed')
        context.log.error({ namespace, name, err: ending.error }, 'binding failed');
    return answerRequest(result, { cause: event, isWhole: named.value.some(({ isWhole }) => isWhole) });
  };
}

/** Counts what waits for each namespace. */
function createQueue() {
  const waiting = new Map<string, { requests: number; names: number }>();
  return {
    /** Waits with the others of the namespace; undefined where too many do. */
    wait: async (
      { namespace, names }: BindingNames,
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

function notBegun({ names }: Pick<BindingNames, 'names'>): Batch {
  return {
    asked: names,
    endings: new Map(names.map((name) => [name, { kind: 'unfinished' }])),
    collects: 0,
    writes: 0,
    announcements: 0,
  };
}

/**
 * Of the endings of a batch, these names are ours. It may have served other requests too, and their names are theirs;
 * a neighbour that it looked after by itself is nobody's, so what is left of it goes into a reply: of whoever came last,
 * for a hundred requests that all name the same bindings would be a hundred times the work. That one has waited least.
 */
function addBatch(
  result: Progress,
  { namespace, names }: BindingNames,
  { asked, endings, collects, writes, announcements }: Batch,
): void {
  const [own, all] = [new Set(names), new Set(asked)];
  const isLast = own.has(asked.at(-1) ?? '');
  for (const [name, ending] of endings) {
    if (own.has(name)) result.own.push({ namespace, name, ending });
    else if (isLast && !all.has(name) && ending.kind !== 'converged')
      result.others.push({ namespace, name, ending });
  }
  result.collects += collects;
  result.writes += writes;
  result.announcements += announcements;
}

/** The request that an answer belongs to. What is left of a whole look is found by another one only. */
interface ReconcileRequest {
  readonly cause: Cause;
  readonly isWhole: boolean;
}

function answerRequest(
  { own, others, collects, writes, announcements }: Progress,
  request: ReconcileRequest,
): Answer {
  const facts = { bindings: own.length, neighbours: others.length, collects, writes };
  const left = own.filter(({ ending }) => ending.kind === 'unfinished');
  const held = own.filter(({ ending }) => ending.kind === 'waiting' || ending.kind === 'failed');
  // An error would forget the neighbours, and is slow where there is more to do: so who waits, and who failed, is named
  // with those, until an answer has nobody to add and nothing came of the request but announcements. Then only patience helps.
  const hasProgressed = writes > announcements || own.length > left.length + held.length;
  if (others.length > 0 || (left.length > 0 && hasProgressed))
    return replyWithNames([...left, ...held, ...others], request, facts);
  for (const { ending } of own) if (ending.kind === 'failed') throw ending.error;
  const [first] = [...held, ...left];
  if (!first) return nothing(facts);
  return waiting(redact(`${first.namespace}/${first.name}: ${toReason(first.ending)}`));
}

function toReason(ending: Ending): string {
  return ending.kind === 'waiting' ? ending.message : 'not reached in time';
}

function replyWithNames(ended: readonly Ended[], request: ReconcileRequest, facts: Facts): Answer {
  const bindings = ended.map(({ namespace, name }) => ({ namespace, names: [name] }));
  return answerBindingsAffected({ from: 'reconcile', ...request, bindings }, facts);
}
