import type { Logger } from 'pino';
import { type Answer, type Facts, nothing, waiting } from '../../shared/events/answers.ts';
import {
  type BindingNames,
  answerBindingsAffected,
  parseBindingsAffected,
} from '../../shared/events/bindings-affected.ts';
import type { Handler } from '../../shared/events/function-app.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';
import { toHarmless } from '../../shared/log.ts';
import { createAnnouncer } from './announcer.ts';
import { createBatches } from '../../shared/batches.ts';
import { forEachLimited } from './for-each-limited.ts';
import { type Ending, type Run, settle } from './settle.ts';

/** What reconcile needs of the world. */
export interface ReconcileOptions {
  readonly cluster: Cluster;
  readonly settings: Settings;
  readonly log: Logger;
  readonly nonce: () => string;
  /** A clock that only goes forward, in milliseconds. */
  readonly elapsed: () => number;
}

/** How a request ended for each of its bindings, and what it took. */
interface Result {
  readonly own: Ended[];
  /** Neighbours that were looked after beside them, and are not at rest. */
  readonly others: Ended[];
  collects: number;
  writes: number;
}

interface Ended {
  readonly namespace: string;
  readonly name: string;
  readonly ending: Ending;
}

/** A run, with what it was asked for. */
interface Batch extends Run {
  readonly asked: readonly string[];
}

// A request begins no further namespace after this long: what is left goes into its reply.
const maxMs = 20_000;
const namespacesAtOnce = 4;

/** Brings the bindings that an event names to rest. */
export function reconcile(options: ReconcileOptions): Handler {
  const { cluster, settings, log, nonce, elapsed } = options;
  const batches = createBatches(async (namespace, names): Promise<Batch> => {
    const tools = { cluster, nonce, elapsed, announcer: createAnnouncer(cluster, log, elapsed) };
    return { asked: names, ...(await settle(namespace, names, settings, tools)) };
  });

  return async function handleAffected(event) {
    const named = parseBindingsAffected(event);
    if (named.kind !== 'done') return named;
    const since = elapsed();
    const result: Result = { own: [], others: [], collects: 0, writes: 0 };
    await forEachLimited(named.value, namespacesAtOnce, async (group) => {
      const isLate = elapsed() - since > maxMs;
      add(result, group, isLate ? notBegun(group) : await batches.ask(group.namespace, group.names));
    });
    return toAnswer(result, event.id);
  };
}

function notBegun({ names }: BindingNames): Batch {
  return {
    asked: names,
    endings: new Map(names.map((name) => [name, { kind: 'unfinished' }])),
    collects: 0,
    writes: 0,
  };
}

/**
 * Of the endings of a batch, these names are ours. It may have served other requests too, and their names are theirs;
 * a neighbour that it looked after by itself is nobody's, so what is left of it goes into a reply: of whoever came last,
 * for a hundred requests that all name the same crowd would be a hundred times the work. That one has waited least.
 */
function add(
  result: Result,
  { namespace, names }: BindingNames,
  { asked, endings, collects, writes }: Batch,
): void {
  const [own, all] = [new Set(names), new Set(asked)];
  const isLast = own.has(asked.at(-1) ?? '');
  for (const [name, ending] of endings) {
    if (own.has(name)) result.own.push({ namespace, name, ending });
    else if (isLast && !all.has(name) && ending.kind !== 'settled')
      result.others.push({ namespace, name, ending });
  }
  result.collects += collects;
  result.writes += writes;
}

function toAnswer({ own, others, collects, writes }: Result, cause: string): Answer {
  const facts = { bindings: own.length, neighbours: others.length, collects, writes };
  for (const { ending } of own) if (ending.kind === 'failed') throw ending.error;

  const left = own.filter(({ ending }) => ending.kind === 'unfinished');
  const held = own.filter(({ ending }) => ending.kind === 'waiting');
  // A 503 would forget the neighbours, and is slow where there is more to do: so who waits is named with those, until
  // an answer has nobody to add and nothing came of the request. Then only patience helps, and that is the 503.
  const hasMoved = writes > 0 || own.length > left.length + held.length;
  if (others.length > 0 || (left.length > 0 && hasMoved))
    return answerNames([...left, ...held, ...others], cause, facts);
  const [first] = [...held, ...left];
  if (!first) return nothing(facts);
  return waiting(toHarmless(`${first.namespace}/${first.name}: ${toReason(first.ending)}`));
}

function toReason(ending: Ending): string {
  return ending.kind === 'waiting' ? ending.message : 'not reached in time';
}

function answerNames(ended: readonly Ended[], cause: string, facts: Facts): Answer {
  const bindings = ended.map(({ namespace, name }) => ({ namespace, names: [name] }));
  return answerBindingsAffected({ from: 'reconcile', cause, bindings }, facts);
}
