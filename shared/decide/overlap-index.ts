import { type Slice, areDisjoint, parseSlice } from '../identity/collision-key.ts';
import { findPlace } from './find-place.ts';

type BySome<T> = ReadonlyMap<string | undefined, T>;

/** What a key stands for. A search looks at many that lie anywhere in memory, so each is one flat object. */
interface Entry extends Pick<Slice, 'pods' | 'serviceAccount' | 'container'> {
  readonly key: string;
  /** Its place among all keys. */
  readonly place: number;
}

/** Slices that no label keeps apart any more, or so few that they are compared one by one. */
interface Leaf {
  readonly kind: 'leaf';
  readonly entries: readonly Entry[];
  /** Labels on which all of them agree, where they are many: who differs in one need not be compared with any. */
  readonly common: readonly (readonly [label: string, value: string])[];
}

/** Slices by the value that they have for one label. */
interface Branch {
  readonly kind: 'branch';
  readonly label: string;
  readonly byValue: ReadonlyMap<string, Tree>;
  /** Those that say nothing about the label, and may meet any of the others. */
  readonly without: Tree;
}

type Tree = Leaf | Branch;

/** Keys by what keeps most of them apart: service account, container, and then the labels of their pods. */
export interface OverlapIndex {
  readonly trees: BySome<BySome<Tree>>;
  readonly entries: ReadonlyMap<string, Entry>;
}

/** The keys that were found. `isCut`: there may be more, whether because enough were found or too many were looked at. */
export interface Overlaps {
  readonly keys: readonly string[];
  readonly isCut: boolean;
}

const leafSize = 16;
const maxDepth = 12;
const sampleSize = 512;
/**
 * Two slices meet where no label tells them apart, and there are sets of slices for which no index finds that without
 * comparing nearly all pairs. Nobody makes such pools to serve models; who does, is told so of the first ones only.
 */
const maxCompared = 2_000;

/**
 * Indexes keys, so that those of a large namespace are not compared pair by pair; with a pause after each step. What is
 * known of some of them need not be read off them again.
 */
export function* indexOverlaps(
  keys: readonly string[],
  known: ReadonlyMap<string, Slice> = new Map(),
): Generator<void, OverlapIndex> {
  const entries = new Map<string, Entry>();
  for (const key of keys) {
    yield;
    if (!entries.has(key)) entries.set(key, toEntry(key, entries.size, known.get(key)));
  }
  const trees = new Map<string | undefined, Map<string | undefined, Tree>>();
  for (const [account, some] of Map.groupBy(entries.values(), ({ serviceAccount }) => serviceAccount)) {
    const containers = new Map<string | undefined, Tree>();
    for (const [container, few] of Map.groupBy(some, ({ container }) => container))
      containers.set(container, yield* grow(few, new Set()));
    trees.set(account, containers);
  }
  return { trees, entries };
}

/**
 * Keys other than this one that may meet it in one container, at most so many: those near to it first, or each of a crowd
 * would name the same ones.
 */
export function findOverlaps(index: OverlapIndex, key: string, most: number): Overlaps {
  const own = index.entries.get(key) ?? toEntry(key, 0);
  const search: Search = { own, most, keys: [], compared: 0 };
  const trees = near(index.trees, own.serviceAccount).flatMap((account) => near(account, own.container));
  const isCut = trees.some((tree) => isEnough(search, tree));
  return { keys: search.keys, isCut };
}

function toEntry(key: string, place: number, slice = parseSlice(key)): Entry {
  const { pods, serviceAccount, container } = slice;
  return { key, place, pods, serviceAccount, container };
}

interface Search {
  readonly own: Entry;
  readonly most: number;
  readonly keys: string[];
  compared: number;
}

/** Looks through a tree; true where that was given up. */
function isEnough(search: Search, tree: Tree): boolean {
  if (tree.kind === 'leaf') return !isApart(search.own, tree) && isEnoughOf(search, tree.entries);
  const value = valueOf(search.own, tree.label);
  if (value !== undefined) {
    const same = tree.byValue.get(value);
    return (same !== undefined && isEnough(search, same)) || isEnough(search, tree.without);
  }
  return (
    isEnough(search, tree.without) || [...tree.byValue.values()].some((child) => isEnough(search, child))
  );
}

function isEnoughOf(search: Search, entries: readonly Entry[]): boolean {
  const start = findPlace(entries, ({ place }) => place > search.own.place);
  for (let index = 0; index < entries.length; index++) {
    const other = entries[(start + index) % entries.length];
    if (!other || other.key === search.own.key) continue;
    if (search.compared === maxCompared) return true;
    search.compared++;
    // Its tree is one of the same service account and container.
    if (areDisjoint(search.own.pods, other.pods)) continue;
    if (search.keys.length === search.most) return true;
    search.keys.push(other.key);
  }
  return false;
}

/** Splits by the label that leaves least to compare, until none leaves notably less. */
function* grow(entries: readonly Entry[], used: ReadonlySet<string>): Generator<void, Tree> {
  yield;
  const isSmall = entries.length <= leafSize || used.size === maxDepth;
  const label = isSmall ? undefined : findLabel(toSample(entries), used);
  if (label === undefined)
    return { kind: 'leaf', entries, common: isSmall ? [] : yield* findCommon(entries) };
  const next = new Set([...used, label]);
  const groups = Map.groupBy(entries, (entry) => valueOf(entry, label));
  const without = yield* grow(groups.get(undefined) ?? [], next);
  groups.delete(undefined);
  const byValue = new Map<string, Tree>();
  for (const [value, group] of groups) byValue.set(value ?? '', yield* grow(group, next));
  return { kind: 'branch', label, byValue, without };
}

function* findCommon(entries: readonly Entry[]): Generator<void, [string, string][]> {
  const common = new Map(Object.entries(entries[0]?.pods ?? {}));
  for (const entry of entries) {
    yield;
    for (const [label, value] of common) if (valueOf(entry, label) !== value) common.delete(label);
  }
  return [...common];
}

function isApart(own: Entry, { common }: Leaf): boolean {
  return common.some(([label, value]) => (valueOf(own, label) ?? value) !== value);
}

function findLabel(entries: readonly Entry[], used: ReadonlySet<string>): string | undefined {
  const counts = countValues(entries, used);
  let best: string | undefined;
  // What is compared, all in all, where the entries are looked up one after the other.
  let least = 0.9 * entries.length ** 2;
  for (const [label, values] of counts) {
    let [having, pairs] = [0, 0];
    for (const count of values.values()) {
      having += count;
      pairs += count ** 2;
    }
    const without = entries.length - having;
    const compared = pairs + 2 * having * without + without ** 2;
    if (compared < least) [best, least] = [label, compared];
  }
  return best;
}

/** The value of a label; every object has members that are none of its labels. */
function valueOf({ pods }: Entry, label: string): string | undefined {
  return pods && Object.hasOwn(pods, label) ? pods[label] : undefined;
}

/** Which label splits well shows in some of them; to count all labels of all would take more memory than they do. */
function toSample(entries: readonly Entry[]): readonly Entry[] {
  const step = Math.ceil(entries.length / sampleSize);
  return step === 1 ? entries : entries.filter((_, index) => index % step === 0);
}

/** How many entries have each value of each label. */
function countValues(entries: readonly Entry[], used: ReadonlySet<string>): Map<string, Map<string, number>> {
  const counts = new Map<string, Map<string, number>>();
  for (const { pods } of entries) {
    for (const [label, value] of Object.entries(pods ?? {})) {
      if (used.has(label)) continue;
      const values = counts.get(label) ?? new Map<string, number>();
      counts.set(label, values.set(value, (values.get(value) ?? 0) + 1));
    }
  }
  return counts;
}

/** What has this value, or may have it because its own is not known. */
function near<T>(groups: BySome<T>, value: string | undefined): T[] {
  if (value === undefined) return [...groups.values()];
  return [value, undefined].flatMap((known) => groups.get(known) ?? []);
}
