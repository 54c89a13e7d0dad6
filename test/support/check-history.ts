import type { Stored } from './kube-client.ts';
import type { History, RecordedWrite } from './write-recorder.ts';

/** What an exact history shows about the promises of docs/protocol.md. */
export interface Findings {
  /** Each line is a promise that was broken, and when. */
  readonly violations: readonly string[];
  /** Bindings that vanished without a deletion phase although they had our finalizer: what the protocol does not cover. */
  readonly raced: number;
  /** How often something happened that the promises are about; a history without any proves nothing. */
  readonly seen: Readonly<
    Record<'created' | 'moved' | 'withdrawn' | 'refused' | 'released' | 'foreign', number>
  >;
}

const finalizer = 'kleym.sonda.red/inferenceidentitybinding-finalizer';
const ownerAnnotation = 'kleym.sonda.red/binding-uid';

interface Status {
  readonly observedGeneration?: number;
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly reason: string;
    readonly observedGeneration?: number;
  }[];
}

interface OutputSpec {
  readonly podSelector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly workloadSelectorTemplates?: readonly string[];
  readonly hint?: string;
}

interface State {
  /** Live bindings by uid. */
  readonly bindings: Map<string, Stored>;
  /** Live outputs by uid. */
  readonly outputs: Map<string, Stored>;
  /** Uids of bindings that raced. */
  readonly raced: Set<string>;
  readonly violations: string[];
  readonly seen: { -readonly [what in keyof Findings['seen']]: number };
}

/**
 * Replays a history write by write and looks at the whole state after each. `foreign`: the names of outputs that are
 * nobody's but the user's.
 */
export function checkHistory(history: History, foreign: ReadonlySet<string>): Findings {
  const state: State = {
    bindings: new Map(),
    outputs: new Map(),
    raced: new Set(),
    violations: [],
    seen: { created: 0, moved: 0, withdrawn: 0, refused: 0, released: 0, foreign: 0 },
  };
  // A binding that raced counts as one from the beginning: its output may have come before the removal is seen.
  for (const event of history.events) if (isRaced(event)) state.raced.add(event.object.metadata.uid);
  for (const event of history.start) apply(state, event);
  for (const event of history.events) {
    const found =
      event.kind === 'output' && foreign.has(event.object.metadata.name)
        ? checkForeign(state, event)
        : check(state, event);
    state.violations.push(...found.map((what) => `at ${event.revision}: ${what}`));
  }
  return { violations: state.violations, raced: state.raced.size, seen: state.seen };
}

function isRaced({ kind, type, object }: RecordedWrite): boolean {
  const { deletionTimestamp, finalizers = [] } = object.metadata;
  return (
    kind === 'binding' &&
    type === 'DELETED' &&
    deletionTimestamp === undefined &&
    finalizers.includes(finalizer)
  );
}

function apply({ bindings, outputs }: State, { kind, type, object }: RecordedWrite): void {
  const objects = kind === 'binding' ? bindings : outputs;
  if (type === 'DELETED') objects.delete(object.metadata.uid);
  else objects.set(object.metadata.uid, object);
}

/** What belongs to somebody else is written by nobody who calls himself kleym. */
function checkForeign(state: State, { type, object }: RecordedWrite): string[] {
  state.seen.foreign += 1;
  const { name } = object.metadata;
  const managers = (object.metadata as { managedFields?: { manager: string }[] }).managedFields ?? [];
  return [
    ...(type === 'DELETED' ? [`${name} belongs to somebody else and was deleted`] : []),
    ...(managers.some(({ manager }) => manager === 'kleym')
      ? [`${name} belongs to somebody else and was written`]
      : []),
  ];
}

function check(state: State, event: RecordedWrite): string[] {
  const before = (event.kind === 'binding' ? state.bindings : state.outputs).get(event.object.metadata.uid);
  apply(state, event);
  count(state, event, before);
  return event.kind === 'binding' ? checkBinding(state, event, before) : checkOutput(state, event);
}

function count({ seen }: State, { kind, type, object }: RecordedWrite, before: Stored | undefined): void {
  if (kind === 'binding') {
    if (isRefused(object)) seen.refused += 1;
    if (before && isHeld(before) && (type === 'DELETED' || !isHeld(object))) seen.released += 1;
    return;
  }
  if (type === 'ADDED') seen.created += 1;
  if (type === 'DELETED') seen.withdrawn += 1;
  if (type === 'MODIFIED' && before && keyOf(before) !== keyOf(object)) seen.moved += 1;
}

function checkBinding(state: State, { type, object }: RecordedWrite, before: Stored | undefined): string[] {
  const { name, uid, generation = 0 } = object.metadata;
  const own = [...state.outputs.values()].filter(
    (output) => ownerOf(output) === uid && !state.raced.has(uid),
  );
  const names = own.map(({ metadata }) => metadata.name).join(', ');
  const found: string[] = [];
  if (type === 'DELETED') return own.length > 0 ? [`${name} is gone, and ${names} lives`] : [];
  if (own.length > 0 && isRefused(object)) found.push(`${name} is refused, and ${names} lives`);
  if (own.length > 0 && before && isHeld(before) && !isHeld(object))
    found.push(`the finalizer of ${name} is gone, and ${names} lives`);
  const { observedGeneration = 0, conditions = [] } = (object['status'] ?? {}) as Status;
  const observed = Math.max(
    observedGeneration,
    ...conditions.map((condition) => condition.observedGeneration ?? 0),
  );
  if (observed > generation) found.push(`${name} observed generation ${observed} before it was there`);
  return found;
}

function checkOutput(state: State, { type, object }: RecordedWrite): string[] {
  if (type === 'DELETED') return [];
  const uid = ownerOf(object);
  const { name } = object.metadata;
  if (uid === undefined || state.raced.has(uid)) return [];
  const owner = state.bindings.get(uid);
  const found: string[] = [];
  if (!owner) found.push(`${name} has no binding`);
  if (owner && !isHeld(owner)) found.push(`${name} lives, and its binding has no finalizer`);
  if (owner && isRefused(owner)) found.push(`${name} lives, and ${owner.metadata.name} is refused`);
  const key = keyOf(object);
  const rivals = [...state.outputs.values()].filter(
    (other) => other !== object && key !== undefined && keyOf(other) === key,
  );
  for (const rival of rivals) {
    if (!state.raced.has(ownerOf(rival) ?? ''))
      found.push(`${name} and ${rival.metadata.name} both have ${key}`);
  }
  return found;
}

function isHeld({ metadata }: Stored): boolean {
  return metadata.finalizers?.includes(finalizer) === true;
}

/** Said about the present generation; what is said about an older one is not a promise any more. */
function isRefused({ metadata, status }: Stored): boolean {
  const { conditions = [] } = (status ?? {}) as Status;
  const ready = conditions.find(({ type }) => type === 'Ready');
  return ready?.status === 'False' && ready.observedGeneration === metadata.generation;
}

function ownerOf({ metadata }: Stored): string | undefined {
  return metadata.annotations?.[ownerAnnotation];
}

/** The workloads of one container that an output selects; undefined where it selects whole pods. */
function keyOf({ spec }: Stored): string | undefined {
  const { podSelector, workloadSelectorTemplates = [] } = spec as OutputSpec;
  const own = workloadSelectorTemplates.filter((selector) =>
    /^k8s:(ns|sa|container-name|container-image):/.test(selector),
  );
  if (!own.some((selector) => selector.startsWith('k8s:container-'))) return undefined;
  const labels = Object.entries(podSelector?.matchLabels ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([labels, own.toSorted()]);
}
