import { drain } from './drain.ts';
import { open } from './explore.ts';
import { findBreaches } from './judge.ts';
import type { Look } from './model-cluster.ts';
import { nextCalls } from './run.ts';
import type { Scenario } from './scenarios.ts';
import {
  type Setting,
  type Situation,
  answer,
  applyUserEdit,
  crowd,
  endRun,
  listSteps,
  startRun,
  startSweptRun,
} from './situation.ts';
import type { Tampering } from './tampering.ts';

/**
 * Plays one interleaving of a scenario, until nobody edits and nothing fails any more, and returns what went wrong. The
 * steps are separated by commas, and runs are called t1, t2 and so on in the order of their deliveries:
 *
 * - `user edits`: the next of the scenario's edits.
 * - `deliver a`, `deliver a in a crowd`: a run for a begins.
 * - `lose a`: the event of a is lost.
 * - `the sweep looks`: it names what it finds. `deliver a as swept`: a run begins for a, as the sweep named it.
 * - `t1 until createOutput`: t1 goes on until its next call would be this one.
 * - `t1 takes`: its next call takes effect. `t1 takes replaceOutput or ends`: it goes on until this call, which takes effect.
 * - `t1 finishes`.
 * - `t1 dies`: while its next call is on its way.
 * - `late writes land`: everything that is on its way arrives.
 */
export async function playStory(
  scenario: Scenario,
  look: Look,
  story: string,
  tampering?: Tampering,
): Promise<string[]> {
  const faults = { crash: 0, late: 1, lose: 9, tick: 0, sweep: 9 };
  const opened = await open(scenario, { look, runs: 9, atOnce: 9, faults, ...(tampering && { tampering }) });
  const breaches = new Set<string>();
  let now = opened.situation;
  for (const step of story.trim().split(/,\s*/)) {
    for await (const next of take(step, now, opened.setting)) {
      now = next;
      for (const breach of findBreaches(now.cluster)) breaches.add(breach);
    }
  }
  const { wrong, afterEvents } = await drain(now, tampering);
  if (wrong !== undefined) breaches.add('NO_CONVERGENCE');
  if (afterEvents !== undefined && !scenario.isForSweep) breaches.add('NEEDS_SWEEP');
  return [...breaches];
}

/** The situations that a step leads through. */
async function* take(step: string, from: Situation, setting: Setting): AsyncGenerator<Situation> {
  const [subject = '', verb, object] = step.split(' ');
  let now = from;
  switch (verb) {
    case 'edits': {
      const edit = setting.edits[now.edited];
      if (!edit) throw new Error('the scenario has no further edit');
      return yield applyUserEdit(now, edit, setting);
    }
    case 'until':
    case 'finishes': {
      for (let call = nextCall(now, subject); call !== object; call = nextCall(now, subject)) {
        if (call === undefined) throw new Error(`${subject} ended without ${object}: this is another story`);
        yield (now = await takeCall(now, subject, setting));
      }
      return;
    }
    case 'takes': {
      const isMeant = (call: string | undefined) =>
        call === undefined || object === undefined || call === object;
      while (!isMeant(nextCall(now, subject))) yield (now = await takeCall(now, subject, setting));
      if (nextCall(now, subject) !== undefined) yield await takeCall(now, subject, setting);
      return;
    }
    case 'dies':
      return yield* takeLabelled(now, setting, `CRASH ${subject} with`);
    case 'writes':
      while (now.late.length > 0) for await (now of takeLabelled(now, setting, 'LATE')) yield now;
      return;
    case 'sweep':
      return yield* takeLabelled(now, setting, 'SWEEP');
    default: {
      if (subject === 'lose') return yield* takeLabelled(now, setting, `LOSE the event of ${verb}`);
      if (step.endsWith('as swept')) {
        const one = now.swept.find(({ name }) => name === verb);
        if (!one) throw new Error(`the sweep has not named ${verb}: this is another story`);
        return yield await startSweptRun(now, one, setting);
      }
      if (subject !== 'deliver' || verb === undefined) throw new Error(`"${step}" is no step of a story`);
      return yield await startRun(now, [verb], setting, step.endsWith('in a crowd') ? crowd : []);
    }
  }
}

/** The call that a run makes next, or `end` where it has its result; undefined where it has ended. */
function nextCall({ runs }: Situation, id: string): string | undefined {
  const run = runs.find(({ position }) => position.id === id);
  return run && (nextCalls(run.position)[0]?.call.method ?? 'end');
}

async function takeCall(now: Situation, id: string, setting: Setting): Promise<Situation> {
  const run = now.runs.find(({ position }) => position.id === id);
  if (!run) return now;
  const [pending] = nextCalls(run.position);
  return pending ? await answer(now, run, pending, setting) : endRun(now, run);
}

async function* takeLabelled(now: Situation, setting: Setting, label: string): AsyncGenerator<Situation> {
  const step = listSteps(now, setting).find((one) => one.label.startsWith(label));
  if (!step) throw new Error(`there is no step "${label}" now: this is another story`);
  yield await step.take();
}
