import { drain } from './drain.ts';
import { type Bounds, open } from './explore.ts';
import type { Look } from './model-cluster.ts';
import { findBreaches } from './judge.ts';
import { createRandom } from '../support/random.ts';
import type { Scenario } from './scenarios.ts';
import { type Setting, type Situation, type Step, isOver, listSteps } from './situation.ts';

/** One way through a scenario. */
export interface Walk {
  readonly story: readonly string[];
  /** What went wrong; documented exceptions are left out. */
  readonly breach: string | undefined;
}

/** Three runs at once out of six, dying and timing out, reads in any order, and a sweep at any time. */
const crowdedBounds = {
  runs: 6,
  atOnce: 3,
  isLoose: true,
  faults: { crash: 2, late: 2, lose: 1, tick: 0, sweep: 1 },
} satisfies Omit<Bounds, 'maxStates' | 'look'>;

// A story without an end has found that something never rests.
const maxSteps = 2_000;

/** Takes one random step after the other, until nothing can happen any more; the same ones for the same seed. */
export async function walk(
  scenario: Scenario,
  seed: number,
  look: Look,
  bounds: Omit<Bounds, 'maxStates' | 'look'> = crowdedBounds,
): Promise<Walk> {
  const random = createRandom(seed);
  const { situation, setting } = await open(scenario, {
    ...bounds,
    look,
    faults: scenario.faults ?? bounds.faults,
  });
  let now = situation;
  const story: string[] = [];
  while (!isOver(now, setting) || goesOn(now, setting, random)) {
    const step = pick(listSteps(now, setting), random);
    if (!step) break;
    story.push(step.label);
    now = await step.take();
    const breach = findBreaches(now.cluster).find((one) => !one.startsWith('('));
    if (breach !== undefined) return { story, breach };
    if (story.length > maxSteps) return { story, breach: 'NO_END' };
  }
  const { wrong } = await drain(now, bounds.tampering);
  return { story, breach: wrong === undefined ? undefined : `NO_CONVERGENCE: ${wrong}` };
}

/** What is due may be delivered while something can still fail, and not only in the end. */
function goesOn(
  { due, swept, begun }: Situation,
  { maxRuns }: Setting,
  random: (below: number) => number,
): boolean {
  return due.length + swept.length > 0 && begun < maxRuns && random(4) > 0;
}

/** Faults are many among the steps and few in life: first whether one happens is drawn, then which. */
function pick(steps: readonly Step[], random: (below: number) => number): Step | undefined {
  const faults = steps.filter(({ label }) => /^(CRASH|NO ANSWER|LOSE)/.test(label));
  const others = steps.filter((step) => !faults.includes(step));
  const from = faults.length > 0 && (others.length === 0 || random(8) === 0) ? faults : others;
  return from.length === 0 ? undefined : from[random(from.length)];
}
