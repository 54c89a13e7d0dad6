import { UncertainError } from '../../shared/api/uncertain-error.ts';
import { maxReadsByName } from '../../shared/collect/limits.ts';
import { forEachLimited } from '../../shared/concurrency/for-each-limited.ts';
import { rotate } from '../../shared/concurrency/rotate.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import type { Tools } from './perform.ts';
import { type RunResult, reconcileBindings } from './reconcile-bindings.ts';
import { maxAnnouncements } from './round.ts';
import { type Ending, maxMs } from './run.ts';

/** Bindings of one namespace that are to be reconciled. */
export interface NamespaceTask {
  readonly namespace: string;
  readonly names: readonly string[];
  /** Those of them for which the whole namespace must be read. */
  readonly whole: readonly string[];
}

// To look at a binding by its key costs as much as to list so many.
const listedForOne = 16;
// Each sends up to 16 reads at once, over connections that other namespaces need too.
const portionsAtOnce = 2;
// If the neighbours of a portion are more than these, portions read the same neighbours again and again.
const maxNeighbours = listedForOne * maxReadsByName;

/**
 * Reconciles bindings of one namespace, however large it is. Many names are one run, because to list the namespace costs
 * less than to look at each of them. But in a large namespace the list costs more than all that a round writes, and may
 * take longer than an announcement holds. There the names are taken in portions: a few names are a run of their own,
 * which looks at their neighbours alone.
 */
export async function reconcileNamespace(
  task: NamespaceTask,
  settings: Settings,
  tools: Tools,
): Promise<RunResult> {
  const { namespace, names, whole } = task;
  if (await isLarge(task, settings, tools)) return await reconcilePortions(task, settings, tools);
  return await reconcileBindings({ namespace, names, isWhole: whole.length > 0 }, settings, tools);
}

async function isLarge(
  { namespace, names }: NamespaceTask,
  { overlapPolicy }: Settings,
  { cluster }: Tools,
): Promise<boolean> {
  // Where overlaps are refused, neighbours are all bindings of a service account.
  if (names.length <= maxReadsByName || overlapPolicy === 'refuse') return false;
  try {
    const first = await cluster.listBindings({ namespace, most: 1 });
    const count = first === 'unserved' ? 0 : first.items.length + (first.remaining ?? 0);
    return count > listedForOne * Math.min(names.length, maxAnnouncements);
  } catch (error) {
    // The run meets it too, and says it for each of its bindings.
    if (error instanceof UncertainError) return false;
    throw error;
  }
}

async function reconcilePortions(
  { namespace, names, whole }: NamespaceTask,
  settings: Settings,
  tools: Tools,
): Promise<RunResult> {
  const since = tools.elapsed();
  const result = createSum(names);
  const left: string[] = [];
  let isCrowded = false;

  async function run(portion: readonly string[], isWhole: boolean): Promise<RunResult> {
    const ran = await reconcileBindings({ namespace, names: portion, isWhole, since }, settings, tools);
    result.add(portion, ran);
    return ran;
  }

  async function runPortion(portion: readonly string[]): Promise<void> {
    if (isCrowded || tools.elapsed() - since > maxMs) left.push(...portion);
    else if ((await run(portion, false)).neighbours > maxNeighbours) isCrowded = true;
  }

  const isWhole = new Set(whole);
  const others = names.filter((name) => !isWhole.has(name));
  const running = [forEachLimited(toPortions(others, tools.nonce()), portionsAtOnce, runPortion)];
  if (whole.length > 0) running.push(run(whole, true).then(() => undefined));
  await Promise.all(running);
  if (left.length > 0 && tools.elapsed() - since <= maxMs) await run(left, false);
  return result.sum();
}

/** Bindings that never converge must not come first each time. */
function* toPortions(names: readonly string[], nonce: string): Generator<readonly string[]> {
  const turned = rotate(names, nonce);
  for (let from = 0; from < turned.length; from += maxReadsByName)
    yield turned.slice(from, from + maxReadsByName);
}

/** Adds up what the runs did. How it ended for a name that was asked for is said by the run that was asked. */
function createSum(names: readonly string[]) {
  const asked = new Set(names);
  const endings = new Map<string, Ending>();
  const sum = { collects: 0, writes: 0, announcements: 0, neighbours: 0 };
  return {
    add: (portion: readonly string[], ran: RunResult): void => {
      const own = new Set(portion);
      for (const [name, ending] of ran.endings)
        if (own.has(name) || !asked.has(name)) endings.set(name, ending);
      sum.collects += ran.collects;
      sum.writes += ran.writes;
      sum.announcements += ran.announcements;
      sum.neighbours = Math.max(sum.neighbours, ran.neighbours);
    },
    sum: (): RunResult => {
      for (const name of names) if (!endings.has(name)) endings.set(name, { kind: 'unfinished' });
      return { endings, ...sum };
    },
  };
}
