import { type Binding, bindingFields } from '../../shared/api/binding.ts';
import { UncertainError } from '../../shared/api/uncertain-error.ts';
import { maxReadsByName } from '../../shared/collect/limits.ts';
import { listServed } from '../../shared/collect/neighbourhood.ts';
import { forEachLimited } from '../../shared/concurrency/for-each-limited.ts';
import { isNew } from '../../shared/decide/decide-new.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import type { ClusterReads, PartialList } from '../../shared/kube/cluster.ts';
import { areAlike } from './are-alike.ts';
import { findSettled } from './find-settled.ts';
import type { Tools } from './perform.ts';
import { type RunResult, reconcileBindings } from './reconcile-bindings.ts';
import { type Ending, maxMs } from './run.ts';

/** Bindings of one namespace that are to be reconciled. */
export interface NamespaceTask {
  readonly namespace: string;
  /** Those whose time comes first come first. */
  readonly names: readonly string[];
  /** Those of them for which the whole namespace must be read. */
  readonly whole: ReadonlySet<string>;
  /** Those of them that need no look if they do not show any more why they were named. */
  readonly own: ReadonlySet<string>;
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
const nobody: ReadonlySet<string> = new Set();
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
  const { namespace, names } = task;
  if (settings.overlapPolicy === 'refuse') return await reconcileWithoutOverlaps(task, settings, tools);
  if (names.length <= fewNames) return await reconcileAlone(task, settings, tools);
  const extent = await measureNamespace(tools.cluster, namespace);
  if (names.length > maxReadsByName) return await reconcileMany(task, extent, settings, tools);
  const run = isLarge(extent, names.length) ? reconcileAlone : reconcileListed;
  return await run(task, settings, tools);
}

/** Whether a namespace is too large to be listed for so many bindings. */
function isLarge({ asUsual }: Extent, bindings: number): boolean {
  const listed = bindings > maxReadsByName ? listedForOneInPortions : listedForOne;
  return asUsual > listed * Math.min(bindings, writtenInRound);
}

/** In one run that lists the namespace, and takes the new bindings that it finds there, too. */
async function reconcileListed(
  { namespace, names }: NamespaceTask,
  settings: Settings,
  tools: Tools,
): Promise<NamespaceResult> {
  return await reconcileBindings({ namespace, names, isWhole: true, takesNew: true }, settings, tools);
}

/** In one run that looks at their neighbours alone, if they are few. */
async function reconcileAlone(
  { namespace, names, whole }: NamespaceTask,
  settings: Settings,
  tools: Tools,
): Promise<NamespaceResult> {
  return await reconcileBindings({ namespace, names, isWhole: whole.size > 0 }, settings, tools);
}

/**
 * When thousands are created, a request names a hundred of them, because the Broker holds back the others. As long as there
 * are new ones, a list serves them all. The events of those that one run has created name them once more, and for these a
 * list would find nothing to do.
 */
async function reconcileMany(
  task: NamespaceTask,
  extent: Extent,
  settings: Settings,
  tools: Tools,
): Promise<NamespaceResult> {
  const { namespace, names } = task;
  // Even a whole round of bindings would not be worth a list, however many are named.
  if (isLarge(extent, writtenInRound)) return await reconcilePortions(task, extent, settings, tools);
  if (extent.asUsual <= listedForOne * names.length) return await reconcileListed(task, settings, tools);
  const found = await findNew(tools.cluster, namespace);
  if (found.length === writtenInRound) return await reconcileListed(task, settings, tools);
  return await reconcileUnsettled(task, settings, tools, async (left) => {
    if (!isLarge(extent, new Set([...left.names, ...found]).size))
      return await reconcileListed(left, settings, tools);
    if (left.names.length <= maxReadsByName) return await reconcileAlone(left, settings, tools);
    return await reconcilePortions(left, extent, settings, tools);
  });
}

/** New bindings of the namespace, but no more than a round writes. */
async function findNew(cluster: ClusterReads, namespace: string): Promise<string[]> {
  const field = { path: bindingFields.claimKind, value: '' };
  const { items } = await listSome(cluster, { namespace, field, most: writtenInRound });
  return items.filter(isNew).map(({ metadata }) => metadata.name);
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
  const { namespace, names } = task;
  if (names.length > maxReadsByName) {
    const extent = await measureNamespace(tools.cluster, namespace);
    if (isLarge(extent, names.length) && (await areAlike(tools.cluster, { namespace, names }, settings)))
      return await reconcilePortions(task, extent, settings, tools);
  }
  return await reconcileUnsettled(task, settings, tools, (left) => reconcileAlone(left, settings, tools));
}

/** A look may read a whole namespace or service account, and it may be that nobody needs it any more. */
async function reconcileUnsettled(
  task: NamespaceTask,
  settings: Settings,
  tools: Tools,
  reconcileLeft: (left: NamespaceTask) => Promise<NamespaceResult>,
): Promise<NamespaceResult> {
  const { namespace, names, whole, own } = task;
  const mayBeSettled =
    whole.size === 0 && names.length <= mostReadFirst && names.every((name) => own.has(name));
  if (!mayBeSettled) return await reconcileLeft(task);
  const settled = await findSettled(tools.cluster, { namespace, names }, settings);
  const left = names.filter((name) => !settled.has(name));
  const result = left.length === 0 ? nothing : await reconcileLeft({ ...task, names: left, own: nobody });
  const converged = [...settled].map((name) => [name, { kind: 'converged' }] as const);
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

type Some = Pick<PartialList<Binding>, 'items' | 'remaining' | 'length'>;

/** None, if the API server does not say: the run meets that too, and says it for each of its bindings. */
async function listSome(cluster: ClusterReads, where: Parameters<typeof listServed>[1]): Promise<Some> {
  try {
    return await listServed(cluster, where);
  } catch (error) {
    if (error instanceof UncertainError) return { items: [] };
    throw error;
  }
}

async function reconcilePortions(
  { namespace, names, whole, own }: NamespaceTask,
  { count }: Extent,
  settings: Settings,
  tools: Tools,
): Promise<NamespaceResult> {
  const since = tools.elapsed();
  const isInTime = () => tools.elapsed() - since <= maxMs && !tools.isEnding?.();
  // All portions record through one recorder, and none waits until it has written.
  const { events } = tools;
  const partTools = { ...tools, events: { record: events.record, flush: () => Promise.resolve() } };
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

  const others = names.filter((name) => !whole.has(name));
  await Promise.all([
    forEachLimited(toPortions(others), portionsAtOnce, runPortion),
    whole.size > 0 ? run([...whole], true) : undefined,
  ]);
  if (left.length > 0 && isInTime()) await run(left, false);
  await events.flush();
  return { endings, ...sum };
}

function* toPortions(names: readonly string[]): Generator<readonly string[]> {
  for (let from = 0; from < names.length; from += maxReadsByName)
    yield names.slice(from, from + maxReadsByName);
}
