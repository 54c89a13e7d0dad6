import { drain } from './drain.ts';
import { open } from './explore.ts';
import type { Call, Look } from './model-cluster.ts';
import { findBreaches } from './judge.ts';
import { nextCalls } from './run.ts';
import type { Scenario } from './scenarios.ts';
import {
  type Situation,
  type UnderWay,
  answer,
  applyUserEdit,
  crowd,
  endRun,
  listSteps,
  startRun,
} from './situation.ts';
import type { Tampering } from './tampering.ts';

/** One interleaving, step by step. Runs are named t1, t2 and so on, in the order of their deliveries. */
export interface Story {
  /** The next of the scenario's edits. */
  readonly user: () => Promise<void>;
  /** A run for a binding begins. */
  readonly deliver: (name: string, how?: 'alone' | 'in a crowd') => Promise<void>;
  /** A run goes on until its next call would be this one. */
  readonly until: (id: string, method: Call['method']) => Promise<void>;
  /** The next call of a run takes effect. */
  readonly take: (id: string) => Promise<void>;
  readonly finish: (id: string) => Promise<void>;
  /** A run dies while its next call is on its way. */
  readonly crash: (id: string) => Promise<void>;
  /** Everything that is on its way arrives. */
  readonly land: () => Promise<void>;
  /** Nobody edits and nothing fails any more. */
  readonly rest: () => Promise<void>;
  /** What went wrong so far. */
  readonly breaches: () => string[];
}

/** Begins a story in the first situation of a scenario. */
export async function tell(scenario: Scenario, look: Look, tampering?: Tampering): Promise<Story> {
  const faults = { crash: 0, late: 1, lose: 0, tick: 0 };
  const opened = await open(scenario, { look, runs: 9, atOnce: 9, faults, ...(tampering && { tampering }) });
  const { setting } = opened;
  const breaches = new Set<string>();
  let now = opened.situation;

  function goTo(next: Situation): void {
    now = next;
    for (const breach of findBreaches(next.cluster)) breaches.add(breach);
  }
  function find(id: string): UnderWay | undefined {
    return now.runs.find(({ position }) => position.id === id);
  }
  async function take(id: string): Promise<void> {
    const run = find(id);
    const [pending] = run ? nextCalls(run.position) : [];
    if (run && pending) goTo(await answer(now, run, pending, setting));
    else if (run) goTo(endRun(now, run));
  }
  async function takeStep(label: RegExp): Promise<void> {
    const step = listSteps(now, setting).find((one) => label.test(one.label));
    if (step) goTo(await step.take());
  }

  return {
    user: async () => {
      const edit = setting.edits[now.edited];
      if (!edit) throw new Error('the scenario has no further edit');
      goTo(applyUserEdit(now, edit));
    },
    deliver: async (name, how = 'alone') =>
      goTo(await startRun(now, [name], setting, how === 'alone' ? [] : crowd)),
    until: async (id, method) => {
      for (let run = find(id); run; run = find(id)) {
        if (nextCalls(run.position)[0]?.call.method === method) return;
        await take(id);
      }
      throw new Error(`${id} ended without ${method}: this is another story`);
    },
    take,
    finish: async (id) => {
      while (find(id)) await take(id);
    },
    crash: (id) => takeStep(new RegExp(`^CRASH ${id} with`)),
    land: async () => {
      while (now.late.length > 0) await takeStep(/^LATE/);
    },
    rest: async () => {
      const { wrong, afterEvents } = await drain(now.cluster, now.due, tampering);
      if (wrong !== undefined) breaches.add('NO_CONVERGENCE');
      if (afterEvents !== undefined && !scenario.isForSweep) breaches.add('NEEDS_SWEEP');
    },
    breaches: () => [...breaches],
  };
}
