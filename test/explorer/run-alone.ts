import { findSettled } from '../../functions/reconcile/find-settled.ts';
import type { Tools } from '../../functions/reconcile/perform.ts';
import { type RunResult, reconcileBindings } from '../../functions/reconcile/reconcile-bindings.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';
import { UncertainError } from '../../shared/api/uncertain-error.ts';
import { type Call, type ClusterState, type News, namespace, settingsOf } from './model-cluster.ts';
import { type Tampering, noMemory, serveWith } from './tampering.ts';

/** What a run without company came to. */
export interface Solo {
  readonly state: ClusterState;
  readonly news: readonly News[];
  readonly calls: readonly Call[];
  /** The bindings that must be asked for again. */
  readonly again: readonly string[];
}

/** How the event that names bindings has them looked at. */
export interface Manner {
  readonly isWhole?: true;
  readonly hasOwnReason?: true;
}

/** What reconcile does for an event, where it takes names in portions. */
export async function reconcileNamed(
  names: readonly string[],
  { isWhole, hasOwnReason }: Manner,
  settings: Settings,
  tools: Tools,
): Promise<RunResult> {
  const settled = hasOwnReason ? await findSettled(tools.cluster, { namespace, names }, settings) : new Set();
  const left = names.filter((name) => !settled.has(name));
  return await reconcileBindings({ namespace, names: left, isWhole: isWhole === true }, settings, tools);
}

const yieldToOthers = () => Promise.resolve();

/** Runs the shipped `settle` without anybody else and without faults. */
export async function runAlone(
  from: ClusterState,
  names: readonly string[],
  options: {
    readonly id: string;
    readonly tampering?: Tampering | undefined;
    readonly manner?: Manner | undefined;
  },
): Promise<Solo> {
  const { id, tampering, manner = {} } = options;
  let [state, memory, nonces] = [from, noMemory, 0];
  const news: News[] = [];
  const calls: Call[] = [];
  const { cluster } = openPort(async (call) => {
    const served = serveWith(tampering, { state, call, memory, names });
    ({ state, memory } = served);
    calls.push(call);
    news.push(...served.news);
    if (served.isUnknown) throw new UncertainError('no answer');
    return served.answer;
  });
  const events = { record: () => undefined, flush: () => Promise.resolve() };
  const tools = { cluster, events, nonce: () => `nonce~${id}.${++nonces}`, elapsed: () => 0, yieldToOthers };
  const run = await reconcileNamed(names, manner, settingsOf(from), tools);
  for (const ending of run.endings.values()) if (ending.kind === 'failed') throw ending.error;
  const again = [...run.endings].flatMap(([name, { kind }]) => (kind === 'converged' ? [] : [name]));
  return { state, news, calls, again };
}

const methods = [
  'getBinding',
  'readBinding',
  'listBindings',
  'getOutput',
  'listOutputs',
  'getPool',
  'listPools',
  'getObjective',
  'listObjectives',
  'patchFinalizers',
  'replaceStatus',
  'createOutput',
  'replaceOutput',
  'deleteOutput',
  'createEvent',
] as const satisfies readonly (keyof Cluster)[];

/** A port that makes every call data, and lets somebody answer it. */
export function openPort(ask: (call: Call) => Promise<unknown>): { readonly cluster: Cluster } {
  // The answers are those of the model cluster, which knows which method it answers.
  const calls = methods.map((method) => [method, (...args: unknown[]) => ask({ method, args } as Call)]);
  return { cluster: Object.fromEntries(calls) as Cluster };
}
