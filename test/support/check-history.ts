import type { Binding } from '../../shared/api/binding.ts';
import type { Output } from '../../shared/api/cluster-spiffe-id.ts';
import {
  finalizer,
  findBreaches,
  isOutputOf,
  isReportedRefused,
  keyOf,
  ownerUidOf,
} from './specification.ts';
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

/**
 * Replays a history write by write and judges the whole state after each. `foreign` are the names of outputs that are
 * somebody else's.
 */
export function checkHistory(
  history: History,
  foreign: ReadonlySet<string>,
  overlapPolicy: 'report' | 'refuse' = 'report',
): Findings {
  const bindings = new Map<string, Binding>();
  const outputs = new Map<string, Output>();
  const seen = { created: 0, moved: 0, withdrawn: 0, refused: 0, released: 0, foreign: 0 };
  // A binding that raced counts as one from the beginning: its output may have come before the removal is seen.
  const raced = new Set(history.events.filter(isRaced).map(({ object }) => object.metadata.uid));
  const violations: string[] = [];
  let standing: readonly string[] = [];

  function apply({ kind, type, object }: RecordedWrite): void {
    const objects: Map<string, unknown> = kind === 'binding' ? bindings : outputs;
    if (type === 'DELETED') objects.delete(object.metadata.uid);
    else objects.set(object.metadata.uid, object);
  }
  function count({ kind, type, object }: RecordedWrite): void {
    const { uid } = object.metadata;
    if (kind === 'output') {
      const before = outputs.get(uid);
      if (type === 'ADDED') seen.created += 1;
      if (type === 'DELETED') seen.withdrawn += 1;
      if (type === 'MODIFIED' && before && keyOf(before) !== keyOf(object as unknown as Output))
        seen.moved += 1;
      return;
    }
    const before = bindings.get(uid);
    const after = object as unknown as Binding;
    if (isReportedRefused(after)) seen.refused += 1;
    if (before && isGuarded(before) && (type === 'DELETED' || !isGuarded(after))) seen.released += 1;
  }
  /** What is wrong now; what was wrong before is said once. */
  function judge(): string[] {
    const world = {
      bindings: [...bindings.values()],
      outputs: [...outputs.values()],
      overlapPolicy,
      raced,
    };
    const broken = findBreaches(world).filter((breach) => !breach.isRaced);
    const now = [...broken.map(({ words }) => words), ...findUnguarded(world)];
    const found = now.filter((words) => !standing.includes(words));
    standing = now;
    return found;
  }

  for (const event of history.start) apply(event);
  for (const event of history.events) {
    const isForeign = event.kind === 'output' && foreign.has(event.object.metadata.name);
    if (isForeign) seen.foreign += 1;
    else {
      count(event);
      apply(event);
    }
    const found = isForeign ? judgeForeign(event) : judge();
    violations.push(...found.map((words) => `at ${event.revision}: ${words}`));
  }
  return { violations, raced: raced.size, seen };
}

function isRaced({ kind, type, object }: RecordedWrite): boolean {
  const isVanished = type === 'DELETED' && object.metadata.deletionTimestamp === undefined;
  return kind === 'binding' && isVanished && isGuarded(object);
}

/** What belongs to somebody else is written by nobody who calls himself kleym. */
function judgeForeign({ type, object }: RecordedWrite): string[] {
  const { name, managedFields = [] } = object.metadata as {
    name: string;
    managedFields?: { manager: string }[];
  };
  const isWritten = managedFields.some(({ manager }) => manager === 'kleym');
  return [
    ...(type === 'DELETED' ? [`${name} belongs to somebody else and was deleted`] : []),
    ...(isWritten ? [`${name} belongs to somebody else and was written`] : []),
  ];
}

/** Nobody takes the finalizer off in these histories but kleym. */
function findUnguarded({
  bindings,
  outputs,
  raced,
}: {
  readonly bindings: readonly Binding[];
  readonly outputs: readonly Output[];
  readonly raced: ReadonlySet<string>;
}): string[] {
  return outputs.flatMap((output) => {
    const owner = bindings.find((binding) => isOutputOf(output, binding));
    if (!owner || isGuarded(owner) || raced.has(ownerUidOf(output) ?? '')) return [];
    return [`${output.metadata.name} lives, and ${owner.metadata.name} has no finalizer`];
  });
}

function isGuarded({
  metadata,
}: {
  readonly metadata: { readonly finalizers?: readonly string[] | undefined };
}) {
  return metadata.finalizers?.includes(finalizer) === true;
}
