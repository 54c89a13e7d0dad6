import type { Binding } from '../../shared/api/binding.ts';
import type { Output } from '../../shared/api/cluster-spiffe-id.ts';
import { isAsWritten } from '../../shared/identity/content.ts';
import { parseOwner } from '../../shared/identity/ownership.ts';
import {
  type ClusterState,
  type News,
  bump,
  drop,
  isOurs,
  namespace,
  put,
  toInstant,
} from './model-cluster.ts';
import { type Wish, addBinding, toForeignOutput, toObjective, toPool, toSpec, toWish } from './objects.ts';

/** What users, other controllers and the API server itself do, without asking anybody. */
export type Edit =
  | { readonly does: 'create'; readonly name: string; readonly wish: Wish }
  | BindingEdit
  | OutputEdit
  /** The pods as `toPool` reads them. */
  | { readonly does: 'select'; readonly pool: string; readonly app: string }
  | { readonly does: 'remove pool' | 'remove objective' | 'restore objective'; readonly name: string }
  | { readonly does: 'take name' | 'free name'; readonly name: string }
  | { readonly does: 'deny'; readonly app: string | undefined }
  | { readonly does: 'refuse deletions' | 'allow deletions' | 'correct the clock' };

type BindingEdit =
  | { readonly does: 'edit'; readonly name: string; readonly wish: Wish }
  | {
      readonly does:
        | 'delete'
        | 'read for DELETE'
        | 'remove without looking'
        | 'prune the claim of'
        | 'prune the key of'
        | 'hold'
        | 'let go of'
        | 'take our finalizer off';
      readonly name: string;
    };

type OutputEdit =
  | { readonly does: 'remove output' | 'touch output' | 'hold output' | 'let go of output' }
  /** Takes off one label, or all of them. */
  | { readonly does: 'strip output'; readonly label?: string }
  /** Writes into a label what is not so. */
  | { readonly does: 'forge output'; readonly label: string; readonly value: string }
  | { readonly does: 'edit output'; readonly container: string };

export interface Edited {
  readonly state: ClusterState;
  readonly news: readonly News[];
}

/** Somebody's edit. What does not apply changes nothing. */
export function applyEdit(state: ClusterState, edit: Edit): Edited {
  switch (edit.does) {
    case 'create':
      return create(state, edit.name, edit.wish);
    case 'edit':
    case 'delete':
    case 'read for DELETE':
    case 'remove without looking':
    case 'prune the claim of':
    case 'prune the key of':
    case 'hold':
    case 'let go of':
    case 'take our finalizer off': {
      const binding = state.bindings[edit.name];
      return binding ? editBinding(state, binding, edit) : { state, news: [] };
    }
    case 'select':
      return select(state, edit.pool, edit.app);
    case 'remove pool': {
      const object = state.pools[edit.name];
      if (!object) return { state, news: [] };
      return { state: { ...state, pools: drop(state.pools, edit.name) }, news: [{ kind: 'pool', object }] };
    }
    case 'remove objective':
    case 'restore objective':
      return editObjective(state, edit.name, edit.does === 'restore objective');
    case 'remove output':
    case 'touch output':
    case 'hold output':
    case 'let go of output':
    case 'strip output':
    case 'forge output':
    case 'edit output':
      return editFirstOutput(state, edit);
    case 'take name':
      return state.outputs[edit.name]
        ? { state, news: [] }
        : { state: { ...state, ...toForeignOutput(state, edit.name) }, news: [] };
    case 'free name': {
      const output = state.outputs[edit.name];
      if (!output || isOurs(output)) return { state, news: [] };
      return { state: { ...state, outputs: drop(state.outputs, edit.name) }, news: [] };
    }
    case 'deny':
      return { state: { ...state, denied: edit.app }, news: [] };
    case 'refuse deletions':
    case 'allow deletions':
      return { state: { ...state, isKeeping: edit.does === 'refuse deletions' }, news: [] };
    case 'correct the clock':
      return { state: { ...state, ahead: 0 }, news: [] };
  }
}

/**
 * The bindings that the functions name for an event: an edited binding itself, with one that leaves its rivals; for a
 * pool those that refer to it; for an output that does not say what we wrote its owner.
 */
export function toNamed(state: ClusterState, news: readonly News[]): string[] {
  return [...new Set(news.flatMap((one) => namedBy(state, one)))].toSorted();
}

function namedBy(state: ClusterState, news: News): string[] {
  switch (news.kind) {
    case 'binding': {
      const { metadata, status } = news.object;
      const { finalizers = [] } = metadata;
      if (news.gone || metadata.deletionTimestamp !== undefined)
        return [metadata.name, ...(status?.conflicts ?? []).map(({ name }) => name)];
      const isSettled = finalizers.length > 0 && status?.observedGeneration === metadata.generation;
      // A run has just put the finalizer on.
      const isOurs = finalizers.length > 0 && status === undefined && metadata.generation === 1;
      return isSettled || isOurs ? [] : [metadata.name, ...peersOf(news.object)];
    }
    case 'pool':
      return Object.values(state.bindings)
        .filter(({ spec }) => spec.poolRef.name === news.object.metadata.name)
        .flatMap((binding) => [binding.metadata.name, ...peersOf(binding)]);
    case 'output': {
      const leaves = news.gone || news.object.metadata.deletionTimestamp !== undefined;
      if (!leaves && isAsWritten(news.object)) return [];
      const owner =
        news.object.metadata.annotations?.['kleym.sonda.red/binding-name'] ??
        parseOwner(news.object, namespace);
      return owner === undefined ? [] : [owner];
    }
  }
}

/** Those who were refused because of a binding that may leave the conflict now. */
function peersOf({ status }: Binding): string[] {
  const isInConflict = status?.conditions?.some(
    ({ type, status: is }) => type === 'Conflict' && (is === 'True' || is === 'Unknown'),
  );
  return isInConflict ? (status?.conflicts ?? []).map(({ name }) => name) : [];
}

// ------------------------------------------------------------------------------------------------ bindings

function create(state: ClusterState, name: string, wish: Wish): Edited {
  if (state.bindings[name]) return { state, news: [] };
  return withNews(addBinding(state, name, wish), name);
}

function withNews(state: ClusterState, name: string): Edited {
  const object = state.bindings[name];
  return { state, news: object ? [{ kind: 'binding', object, gone: false }] : [] };
}

function editBinding(state: ClusterState, binding: Binding, edit: BindingEdit): Edited {
  const { metadata, spec, status } = binding;
  const { uid, finalizers = [] } = metadata;
  switch (edit.does) {
    case 'edit':
      if (metadata.deletionTimestamp !== undefined) return { state, news: [] };
      return store(state, { ...binding, spec: toSpec({ ...toWish(spec), ...edit.wish }) }, 1);
    case 'delete':
      return finalizers.length > 0 ? store(state, toDeleting(state, binding), 1) : remove(state, binding);
    case 'read for DELETE':
      return finalizers.length > 0
        ? store(state, toDeleting(state, binding), 1)
        : { state: { ...state, racing: uid }, news: [] };
    case 'remove without looking': {
      if (state.racing !== uid) return { state, news: [] };
      const raced = finalizers.length > 0 ? [...state.raced, uid] : state.raced;
      return remove({ ...state, racing: undefined, raced }, binding);
    }
    case 'prune the claim of': {
      const { claim: _claim, ...rest } = status ?? {};
      return store(state, { ...binding, status: rest }, 0);
    }
    case 'prune the key of': {
      const { keyDigest: _digest, ...rest } = status ?? {};
      return store(state, { ...binding, status: rest }, 0);
    }
    case 'hold':
      return store(state, { ...binding, metadata: { ...metadata, finalizers: [...finalizers, others] } }, 0);
    case 'let go of':
    case 'take our finalizer off': {
      const isOthers = edit.does === 'let go of';
      const left = finalizers.filter((finalizer) => (finalizer === others) !== isOthers);
      if (left.length === 0 && metadata.deletionTimestamp !== undefined) return remove(state, binding);
      return store(state, { ...binding, metadata: { ...metadata, finalizers: left } }, 0);
    }
  }
}

/** Somebody else's finalizer. */
export const others = 'example.org/others';

function toDeleting(state: ClusterState, binding: Binding): Binding {
  const deletionTimestamp = binding.metadata.deletionTimestamp ?? toInstant(state);
  return { ...binding, metadata: { ...binding.metadata, deletionTimestamp } };
}

function store(state: ClusterState, binding: Binding, generations: number): Edited {
  const { name, resourceVersion, generation = 0 } = binding.metadata;
  const metadata = {
    ...binding.metadata,
    resourceVersion: bump(resourceVersion),
    generation: generation + generations,
  };
  return withNews({ ...state, bindings: put(state.bindings, name, { ...binding, metadata }) }, name);
}

function remove(state: ClusterState, binding: Binding): Edited {
  const { name } = binding.metadata;
  return {
    state: { ...state, bindings: drop(state.bindings, name) },
    news: [{ kind: 'binding', object: binding, gone: true }],
  };
}

// ------------------------------------------------------------------------------------------------ pools and objectives

function select(state: ClusterState, name: string, app: string): Edited {
  const object = toPool(name, app, (state.pools[name]?.metadata.generation ?? 0) + 1);
  return { state: { ...state, pools: put(state.pools, name, object) }, news: [{ kind: 'pool', object }] };
}

function editObjective(state: ClusterState, name: string, isPresent: boolean): Edited {
  const objectives = isPresent
    ? put(state.objectives, name, toObjective(name, name.split('-')[1] ?? 'p'))
    : drop(state.objectives, name);
  const named = Object.values(state.bindings).filter(({ spec }) => spec.objectiveRef?.name === name);
  const pools = new Set(named.map(({ spec }) => spec.poolRef.name));
  // An objective names its bindings as a pool does; here they are few enough to be named by their pool.
  const news = [...pools]
    .flatMap((pool) => state.pools[pool] ?? [])
    .map((object): News => ({ kind: 'pool', object }));
  return { state: { ...state, objectives }, news };
}

// ------------------------------------------------------------------------------------------------ outputs

function editFirstOutput(state: ClusterState, edit: OutputEdit): Edited {
  const outputs = Object.values(state.outputs).filter(isOurs);
  if (edit.does === 'let go of output') return letGoOfOutputs(state, outputs);
  const [first] = outputs;
  const isOfLabels = edit.does === 'strip output' || edit.does === 'forge output';
  if (!first || (isOfLabels && !isSigned(first))) return { state, news: [] };
  if (edit.does === 'remove output') {
    const left = drop(state.outputs, first.metadata.name);
    return { state: { ...state, outputs: left }, news: [{ kind: 'output', object: first, gone: true }] };
  }
  const edited = editOutput(first, edit);
  const object = {
    ...edited,
    metadata: { ...edited.metadata, resourceVersion: bump(first.metadata.resourceVersion) },
  };
  return {
    state: { ...state, outputs: put(state.outputs, first.metadata.name, object) },
    news: [{ kind: 'output', object, gone: false }],
  };
}

/** Nothing but its labels says whose one of kleym-operator's is, and that its key is not known. */
function isSigned({ metadata }: Output): boolean {
  return metadata.annotations?.['kleym.sonda.red/binding-uid'] !== undefined;
}

function editOutput(output: Output, edit: OutputEdit): Output {
  switch (edit.does) {
    case 'edit output': {
      const selectors = output.spec.workloadSelectorTemplates ?? [];
      const kept = selectors.filter((selector) => !selector.startsWith('k8s:container-name:'));
      return {
        ...output,
        spec: {
          ...output.spec,
          workloadSelectorTemplates: [`k8s:container-name:${edit.container}`, ...kept],
        },
      };
    }
    case 'strip output': {
      const { labels, ...metadata } = output.metadata;
      const kept = edit.label === undefined ? {} : drop(labels ?? {}, edit.label);
      return { ...output, metadata: { ...metadata, labels: { ...kept } } };
    }
    case 'forge output': {
      const labels = { ...output.metadata.labels, [edit.label]: edit.value };
      return { ...output, metadata: { ...output.metadata, labels } };
    }
    case 'hold output':
      return { ...output, metadata: { ...output.metadata, finalizers: [others] } };
    default:
      return output;
  }
}

function letGoOfOutputs(state: ClusterState, outputs: readonly Output[]): Edited {
  let left = state.outputs;
  const news: News[] = [];
  for (const object of outputs) {
    const { name, deletionTimestamp, resourceVersion } = object.metadata;
    if (deletionTimestamp !== undefined) {
      left = drop(left, name);
      news.push({ kind: 'output', object, gone: true });
      continue;
    }
    const metadata = { ...object.metadata, resourceVersion: bump(resourceVersion) };
    delete metadata.finalizers;
    left = put(left, name, { ...object, metadata });
  }
  return { state: { ...state, outputs: left }, news };
}
