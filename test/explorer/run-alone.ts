import { settle } from '../../functions/reconcile/settle.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';
import { UncertainError } from '../../shared/api/uncertain-error.ts';
import { type Call, type ClusterState, type News, namespace } from './model-cluster.ts';
import { type Tampering, noMemory, serveWith } from './tampering.ts';

/** What a run without company came to. */
export interface Solo {
  readonly state: ClusterState;
  readonly news: readonly News[];
  readonly calls: readonly Call[];
  /** The bindings that must be asked for again. */
  readonly again: readonly string[];
}

/** Runs the shipped `settle` without anybody else and without faults. */
export async function runAlone(
  from: ClusterState,
  names: readonly string[],
  options: { readonly id: string; readonly settings: Settings; readonly tampering?: Tampering | undefined },
): Promise<Solo> {
  const { id, settings, tampering } = options;
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
  const announcer = { tell: () => undefined, told: () => Promise.resolve() };
  const tools = { cluster, announcer, nonce: () => `nonce~${id}.${++nonces}`, elapsed: () => 0 };
  const run = await settle(namespace, names, settings, tools);
  for (const ending of run.endings.values()) if (ending.kind === 'failed') throw ending.error;
  const again = [...run.endings].flatMap(([name, { kind }]) => (kind === 'settled' ? [] : [name]));
  return { state, news, calls, again };
}

/** A port that makes every call data, and lets somebody answer it. */
export function openPort(ask: (call: Call) => Promise<unknown>): { readonly cluster: Cluster } {
  // The answers are those of the model cluster, which knows which method it answers.
  const cluster = new Proxy({} as Cluster, {
    get:
      (_target, method) =>
      (...args: unknown[]) =>
        ask({ method, args } as Call),
  });
  return { cluster };
}
