import { maxReadsByName } from '../../shared/collect/limits.ts';
import { forEachLimited } from '../../shared/concurrency/for-each-limited.ts';
import { type Need, isMetBy } from '../../shared/events/bindings-affected.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import type { ClusterReads } from '../../shared/kube/cluster.ts';
import { areAlike } from './are-alike.ts';
import { findOpen, listSome } from './find-open.ts';
import { findSettled } from './find-settled.ts';
import type { Tools } from './perform.ts';
import { type RunResult, reconcileBindings } from './reconcile-bindings.ts';
import { type Ending, maxMs } from './run.ts';

/** Bindings of one namespace that are to be reconciled. */
export interface NamespaceTask {
  readonly namespace: string;
  /** What each of them is named for. Those whose time comes first come first. */
  readonly needs: ReadonlyMap<string, Need>;
}

/** What came of it. */
export type NamespaceResult = Omit<RunResult, 'listed'>;

// To look at a binding by its key costs as much as to list so many, and a round that lists the namespace writes for some
// hundred bindings.
const listedForOne = 16;
// In portions it takes four times as long: what may be settled is read before, and each portion asks for the same outputs
// and moves again.
const listedForOneInPortions = 64;
const writtenInRound = 256;
// For so few names nobody asks how large their namespace is.
const fewNames = 4;
/** So many events of one binding each may wait together. To read them costs less than to list a thousand objects. */
const mostReadFirst = 256;
const nothing: NamespaceResult = { endings: new Map(), collects: 0, writes: 0, announcements: 0 };
// Each sends up to 16 reads at once, over connections that other namespaces need too.
const portionsAtOnce = 2;

/**
 * Reconciles bindings of one namespace, however large it is. Several names are one run, because to list the namespace
 * costs less than to look at each of them. But in a large namespace the list costs more than all that a round writes, and
 * may take longer than an announcement holds. There the names are taken in portions: a few names are a run of their own,
 * which looks at their neighbours alone.
 */
export async function reconcileNamespace(
  task: NamespaceTask,
  settings: Settings,
  tools: Tools,
): Promise<NamespaceResult> {
  const { namespace, needs } = task;
  if (settings.overlapPolicy === 'refuse') return await reconcileWithoutOverlaps(task, settings, tools);
  if (needs.size <= fewNames) return await reconcileAlone(task, settings, tools);
  const extent = await measureNamespace(tools.cluster, namespace);
  if (needs.size > maxReadsByName) return await reconcileMany(task, extent, settings, tools);
  const run = isLarge(extent, needs.size) ? reconcileAlone : reconcileListed;
  return await run(task, settings, tools);
}

/** Whether a namespace is too large to be listed for so many bindings. */
function isLarge({ asUsual }: Extent, bindings: number): boolean {
  const listed = bindings > maxReadsByName ? listedForOneInPortions : listedForOne;
  return asUsual > listed * Math.min(bindings, writtenInRound);
}

/** In one run that lists the namespace, and takes the new bindings that it finds there, too. */
async function reconcileListed(
  { namespace, needs }: NamespaceTask,
  settings: Settings,
  tools: Tools,
): Promise<NamespaceResult> {
  const names = [...needs.keys()];
  return await reconcileBindings({ namespace, names, isWhole: true, takesNew: true }, settings, tools);
}

/** In one run that looks at their neighbours alone, if they are few. */
async function reconcileAlone(
  { namespace, needs }: NamespaceTask,
  settings: Settings,
  tools: Tools,
): Promise<NamespaceResult> {
  const isWhole = [...needs.values()].includes('isWhole');
  return await reconcileBindings({ namespace, names: [...needs.keys()], isWhole }, settings, tools);
}

/**
 * When thousands are created, a request names a hundred of them, because the Broker holds back the others. As long as there
 * are new ones, a list serves them all, also those that nobody has named yet. The events of those that one run has created
 * name them once more, and for these a list would find nothing to do.
 */
async function reconcileMany(
  task: NamespaceTask,
  extent: Extent,
  settings: Settings,
  tools: Tools,
): Promise<NamespaceResult> {
  const { namespace, needs } = task;
  // Even a whole round of bindings would not be worth a list, however many are named.
  const isTooLarge = isLarge(extent, writtenInRound);
  if (!isTooLarge && extent.asUsual <= listedForOne * needs.size)
    return await reconcileListed(task, settings, tools);
  if (isTooLarge)
    return await leaveOutOwning(task, tools, (left) => reconcilePortions(left, extent, settings, tools));
  const { fresh, owning } = await findOpen(tools.cluster, namespace, namedAsNew(needs));
  const left = without(task, owning);
  if (!isLarge(extent, fresh.length)) {
    // The list that is made for one of them serves all.
    const named =
      left.needs.size > 0 ? left.needs : new Map(fresh.slice(0, 1).map((name) => [name, 'isNew'] as const));
    return withConverged(owning, await reconcileListed({ namespace, needs: named }, settings, tools));
  }
  const result = await reconcileUnsettled(left, settings, tools, async (unsettled) => {
    const { size } = new Set([...unsettled.needs.keys(), ...fresh]);
    if (!isLarge(extent, size)) return await reconcileListed(unsettled, settings, tools);
    if (unsettled.needs.size <= maxReadsByName) return await reconcileAlone(unsettled, settings, tools);
    return await reconcilePortions(unsettled, extent, settings, tools);
  });
  return withConverged(owning, result);
}

/**
 * Where overlaps are refused, portions are worth it only if the bindings are selected alike. Otherwise each portion would
 * read a whole service account.
 */
async function reconcileWithoutOverlaps(
  task: NamespaceTask,
  settings: Settings,
  tools: Tools,
): Promise<NamespaceResult> {
  const { namespace, needs } = task;
  const reconcileLeft = (left: NamespaceTask) =>
    reconcileUnsettled(left, settings, tools, (unsettled) => reconcileAlone(unsettled, settings, tools));
  if (needs.size <= maxReadsByName) return await reconcileLeft(task);
  const extent = await measureNamespace(tools.cluster, namespace);
  return await leaveOutOwning(task, tools, async (left) => {
    const names = [...left.needs.keys()];
    if (isLarge(extent, names.length) && (await areAlike(tools.cluster, { namespace, names }, settings)))
      return await reconcilePortions(left, extent, settings, tools);
    return await reconcileLeft(left);
  });
}

/** Of many names, those of new bindings that have their outputs by now need nothing. */
async function leaveOutOwning(
  task: NamespaceTask,
  { cluster }: Tools,
  reconcileLeft: (left: NamespaceTask) => Promise<NamespaceResult>,
): Promise<NamespaceResult> {
  const asNew = namedAsNew(task.needs);
  if (asNew.length === 0) return await reconcileLeft(task);
  const { owning } = await findOpen(cluster, task.namespace, asNew);
  const left = without(task, owning);
  return withConverged(owning, left.needs.size === 0 ? nothing : await reconcileLeft(left));
}

/** A look may read a whole namespace or service account, and it may be that nobody needs it any more. */
async function reconcileUnsettled(
  task: NamespaceTask,
  settings: Settings,
  tools: Tools,
  reconcileLeft: (left: NamespaceTask) => Promise<NamespaceResult>,
): Promise<NamespaceResult> {
  const { namespace, needs } = task;
  if (needs.size === 0) return nothing;
  const mayBeSettled = needs.size <= mostReadFirst && [...needs.values()].every(showsItself);
  if (!mayBeSettled) return await reconcileLeft(task);
  const settled = await findSettled(tools.cluster, { namespace, names: [...needs.keys()] }, settings);
  const left = without(task, settled);
  return withConverged(settled, left.needs.size === 0 ? nothing : await reconcileLeft(left));
}

/** Whether the binding itself shows what it was named for, with its pool and its objective. */
function showsItself(need: Need): boolean {
  return isMetBy(need, 'hasOwnReason');
}

function namedAsNew(needs: NamespaceTask['needs']): string[] {
  return [...needs].flatMap(([name, need]) => (need === 'isNew' ? [name] : []));
}

function without({ namespace, needs }: NamespaceTask, names: ReadonlySet<string>): NamespaceTask {
  return { namespace, needs: new Map([...needs].filter(([name]) => !names.has(name))) };
}

function withConverged(names: ReadonlySet<string>, result: NamespaceResult): NamespaceResult {
  const converged = [...names].map((name) => [name, { kind: 'converged' }] as const);
  return { ...result, endings: new Map([...converged, ...result.endings]) };
}

/** How many bindings a namespace has; as long as how many usual ones they may be. */
interface Extent {
  readonly count: number;
  readonly asUsual: number;
}

// Annotations may make a binding a hundred times as long, and a list of such takes as long as one of so many more.
const usualLength = 4_000;
const sample = 16;

async function measureNamespace(cluster: ClusterReads, namespace: string): Promise<Extent> {
  const { items, remaining = 0, length = 0 } = await listSome(cluster, { namespace, most: sample });
  const count = items.length + remaining;
  return { count, asUsual: count * Math.max(1, length / Math.max(1, items.length) / usualLength) };
}

async function reconcilePortions(
  { namespace, needs }: NamespaceTask,
  { count }: Extent,
  settings: Settings,
  tools: Tools,
): Promise<NamespaceResult> {
  const since = tools.elapsed();
  const isInTime = () => tools.elapsed() - since <= maxMs && !tools.isEnding?.();
  // All portions record through one recorder, and none waits until it has written.
  const { events } = tools;
  const partTools = { ...tools, events: { record: events.record, flush: () => Promise.resolve() } };
  const names = [...needs.keys()];
  const whole = names.filter((name) => needs.get(name) === 'isWhole');
  const own = new Set(names.filter((name) => showsItself(needs.get(name) ?? 'look')));
  const endings = new Map<string, Ending>(names.map((name) => [name, { kind: 'not-begun' }]));
  const onEnding = (name: string, ending: Ending) => endings.set(name, ending);
  const sum = { collects: 0, writes: 0, announcements: 0 };
  const left: string[] = [];
  let spare = count;

  /** A bug in one of them must not end the request while the others go on to write. */
  async function run(portion: readonly string[], isWhole: boolean): Promise<void> {
    const part = { namespace, names: portion, isWhole, partOf: { since, onEnding } };
    try {
      const { collects, writes, announcements, listed } = await reconcileBindings(part, settings, partTools);
      sum.collects += collects;
      sum.writes += writes;
      sum.announcements += announcements;
      spare -= Math.max(0, listed - listedForOne * maxReadsByName);
    } catch (error) {
      for (const name of portion) onEnding(name, { kind: 'failed', error });
    }
  }

  /** What needs a look of these names. A binding for which a run has ended already needs one, whatever it shows. */
  async function leaveOutSettled(few: readonly string[]): Promise<readonly string[]> {
    const named = few.filter((name) => own.has(name));
    try {
      const settled = await findSettled(tools.cluster, { namespace, names: named }, settings);
      const over = named.filter((name) => settled.has(name) && endings.get(name)?.kind === 'not-begun');
      for (const name of over) onEnding(name, { kind: 'converged' });
      return few.filter((name) => !over.includes(name));
    } catch (error) {
      for (const name of named) onEnding(name, { kind: 'failed', error });
      return few.filter((name) => !own.has(name));
    }
  }

  // If portions list the same neighbours again and again, one list of the namespace would have cost less.
  const isPortionWorthIt = () => spare > 0 && isInTime();
  async function runPortion(few: readonly string[]): Promise<void> {
    const portion = isPortionWorthIt() ? await leaveOutSettled(few) : few;
    if (!isPortionWorthIt()) left.push(...portion);
    else if (portion.length > 0) await run(portion, false);
  }

  const others = names.filter((name) => needs.get(name) !== 'isWhole');
  await Promise.all([
    forEachLimited(toPortions(others), portionsAtOnce, runPortion),
    whole.length > 0 ? run(whole, true) : undefined,
  ]);
  if (left.length > 0 && isInTime()) await run(left, false);
  await events.flush();
  return { endings, ...sum };
}

function* toPortions(names: readonly string[]): Generator<readonly string[]> {
  for (let from = 0; from < names.length; from += maxReadsByName)
    yield names.slice(from, from + maxReadsByName);
}
