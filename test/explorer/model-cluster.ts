import {
  type Binding,
  type BindingField,
  type BindingStatus,
  bindingFields,
  bindingFinalizer,
} from '../../shared/api/binding.ts';
import { type Output, outputAnnotations, outputLabels } from '../../shared/api/cluster-spiffe-id.ts';
import type { NewOutput } from '../../shared/api/new-output.ts';
import type { Objective } from '../../shared/api/objective.ts';
import type { Pool } from '../../shared/api/pool.ts';
import type { WriteTarget, Cluster, FieldQueries } from '../../shared/kube/cluster.ts';
import { isSelected } from '../../shared/kube/selectors.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import { hasLabels } from '../support/has-labels.ts';
import { isOutputOf } from '../support/specification.ts';

export const namespace = 'ns';
export const trustDomain = 'example.org';

/**
 * How much of the world runs look at. `narrow`: whoever asks for or holds the same keys, as in a service account with very
 * many bindings. `whole`: all of a service account, because its bindings are few. `small`: the same, in a namespace of few
 * bindings. `refuse`: as `whole`, where overlaps are refused. `refuse-large`: there, whoever has the same key or one of
 * another shape, as in an account with very many.
 */
export const looks = ['narrow', 'whole', 'small', 'refuse', 'refuse-large'] as const;
export type Look = (typeof looks)[number];

/** Whether the service accounts have very many bindings. */
export function isCrowded(look: Look): boolean {
  return look === 'narrow' || look === 'refuse-large';
}

/** Everything that the API server stores, and what must be remembered of the past to judge it. Never changed in place. */
export interface ClusterState {
  readonly bindings: Table<Binding>;
  readonly outputs: Table<Output>;
  readonly pools: Table<Pool>;
  readonly objectives: Table<Objective>;
  /** Seconds since the beginning. */
  readonly clock: number;
  /** Admission refuses outputs for pods with this `app` label. */
  readonly denied: string | undefined;
  /** Admission refuses to delete outputs. */
  readonly isKeeping: boolean;
  /** By how many seconds the API server's clock is ahead of the time. */
  readonly ahead: number;
  /** How often it was asked in vain to delete one. */
  readonly asked: number;
  /** How often an object of this name has been created: makes uids. */
  readonly births: Readonly<Record<string, number>>;
  /** How runs look at all this; it stays the same. */
  readonly look: Look;
  readonly writes: number;
  /** The binding that a DELETE has read without a finalizer, and will remove without looking again. */
  readonly racing: string | undefined;
  /** Bindings that such a DELETE has taken although our finalizer was on them by then. */
  readonly raced: readonly string[];
  /** What a write has done that it never may. */
  readonly misdeeds: readonly string[];
}

export type Table<T> = Readonly<Record<string, T>>;

/** What a run and the looks of the sweep ask; the sweep's report is for people, and nothing depends on it. */
type Asked = Exclude<keyof Cluster, 'readSweepReport' | 'patchSweepReport'>;

/** One call of the port, as data. */
export type Call = {
  [K in Asked]: { readonly method: K; readonly args: Parameters<Cluster[K]> };
}[Asked];

/** What a call does: the state after it, its answer, and the objects whose change is an event. */
export interface Effect {
  readonly state: ClusterState;
  readonly answer: unknown;
  readonly news: readonly News[];
}

export type News =
  | { readonly kind: 'binding'; readonly object: Binding; readonly gone: boolean }
  | { readonly kind: 'output'; readonly object: Output; readonly gone: boolean }
  | { readonly kind: 'pool'; readonly object: Pool };

/** What the functions are set to. */
export function settingsOf({ look }: ClusterState): Settings {
  return {
    trustDomain,
    className: undefined,
    namespaceSelector: true,
    overlapPolicy: look === 'refuse' || look === 'refuse-large' ? 'refuse' : 'report',
  };
}

const servedPools = 'inference.networking.k8s.io';
const servedObjectives = 'llm-d.ai';

/** One step of the API server. */
export function serve(state: ClusterState, call: Call): Effect {
  switch (call.method) {
    case 'getBinding':
      return read(state, state.bindings[call.args[1]] ?? 'absent');
    case 'readBinding':
      return read(state, { found: state.bindings[call.args[1]] ?? 'absent', at: toInstant(state) });
    case 'listBindings':
      return read(state, listBindings(state, call.args[0]));
    case 'getOutput':
      return read(state, state.outputs[call.args[0]] ?? 'absent');
    case 'listOutputs':
      return read(
        state,
        list(
          state,
          Object.values(state.outputs).filter((one) => hasLabels(one, call.args[0])),
        ),
      );
    case 'getPool':
      return read(state, found(call.args[0].group === servedPools, state.pools[call.args[2]]));
    case 'listPools':
      return read(state, listed(state, call.args[0].group === servedPools, state.pools));
    case 'getObjective':
      return read(state, found(call.args[0].group === servedObjectives, state.objectives[call.args[2]]));
    case 'listObjectives':
      return read(state, listed(state, call.args[0].group === servedObjectives, state.objectives));
    case 'patchFinalizers':
      return patchFinalizers(state, call.args[1], call.args[2]);
    case 'replaceStatus':
      return replaceStatus(state, call.args[1], call.args[2]);
    case 'createOutput':
      return createOutput(state, call.args[0], call.args[1]?.dryRun ?? false);
    case 'replaceOutput':
      return replaceOutput(state, call.args[0]);
    case 'deleteOutput':
      return deleteOutput(state, call.args[0]);
    case 'createEvent':
      return read(state, { kind: 'written', object: undefined });
  }
}

const writes: readonly Call['method'][] = [
  'patchFinalizers',
  'replaceStatus',
  'createOutput',
  'replaceOutput',
  'deleteOutput',
];

/** Whether a call can change anything, so that it matters when it takes effect. */
export function isWrite(call: Call): boolean {
  if (call.method === 'createOutput') return !call.args[1]?.dryRun;
  return writes.includes(call.method);
}

/** The API server's time as it stands in answers. */
export function toInstant({ clock, ahead }: ClusterState): string {
  return new Date(Date.UTC(2026, 0, 1) + (clock + ahead) * 1000).toISOString().replace('.000Z', 'Z');
}

/** Whether an output is one of kleym's: by its label, or by an annotation that nobody else writes. */
export function isOurs({ metadata }: Output): boolean {
  const owner = metadata.annotations?.[outputAnnotations.bindingUid];
  return metadata.labels?.[outputLabels.managedBy] === 'kleym' || owner !== undefined;
}

export function put<T>(table: Table<T>, name: string, object: T): Table<T> {
  return { ...table, [name]: object };
}

export function drop<T>(table: Table<T>, name: string): Table<T> {
  return Object.fromEntries(Object.entries(table).filter(([key]) => key !== name));
}

/** The metadata of an object that did not exist before. */
export function born(state: ClusterState, kind: string, name: string) {
  const id = `${kind}.${name}`;
  const count = (state.births[id] ?? 0) + 1;
  const births = { ...state.births, [id]: count };
  return {
    births,
    metadata: { name, uid: `uid~${id}.${count}`, resourceVersion: `rv~${id}.${count}.1`, generation: 1 },
  };
}

/** The resourceVersion that follows. */
export function bump(resourceVersion: string): string {
  const dot = resourceVersion.lastIndexOf('.');
  return `${resourceVersion.slice(0, dot)}.${Number(resourceVersion.slice(dot + 1)) + 1}`;
}

// ------------------------------------------------------------------------------------------------ reads

function read(state: ClusterState, answer: unknown): Effect {
  return { state, answer, news: [] };
}

function list<T>(state: ClusterState, items: readonly T[]) {
  return { items, at: toInstant(state) };
}

function listBindings(
  state: ClusterState,
  { field, most = Infinity }: Parameters<Cluster['listBindings']>[0],
) {
  const selected = Object.values(state.bindings).filter(isChosen(field));
  // The others of a crowded account are not in the model: that there are some is all that a run learns of them. Their keys
  // have the shape that a run looks for.
  const fields = [field ?? []].flat();
  const isOfAccount = fields.length === 1 && fields.every(({ path }) => accountFields.includes(path));
  const isMeasured = fields.length === 0 && most === 1 && state.look !== 'small';
  const hasOthers = isMeasured || (isCrowded(state.look) && isOfAccount && most > 1 && most < Infinity);
  return {
    ...list(state, selected.slice(0, most)),
    isComplete: selected.length <= most && !hasOthers,
    ...(fields.length === 0 && !hasOthers && { remaining: Math.max(0, selected.length - most) }),
  };
}

function found<T>(isServed: boolean, object: T | undefined): T | 'absent' | 'unserved' {
  return isServed ? (object ?? 'absent') : 'unserved';
}

function listed<T>(state: ClusterState, isServed: boolean, objects: Table<T>) {
  return isServed ? list(state, Object.values(objects)) : 'unserved';
}

const accountFields: readonly BindingField[] = [
  bindingFields.serviceAccount,
  bindingFields.claimedServiceAccount,
];

function isChosen(field?: FieldQueries) {
  return (binding: Binding) => field === undefined || isSelected(binding, field);
}

// ------------------------------------------------------------------------------------------------ writes to bindings

const stale = { kind: 'stale' } as const;

function isHit(
  object: Binding | Output | undefined,
  { uid, resourceVersion }: Partial<WriteTarget>,
): boolean {
  if (uid !== undefined && object?.metadata.uid !== uid) return false;
  return resourceVersion === undefined || object?.metadata.resourceVersion === resourceVersion;
}

function patchFinalizers(state: ClusterState, aim: WriteTarget, finalizers: readonly string[]): Effect {
  const binding = state.bindings[aim.name];
  if (!binding || !isHit(binding, aim)) return read(state, stale);
  const object = {
    ...binding,
    metadata: {
      ...binding.metadata,
      finalizers: [...finalizers],
      resourceVersion: bump(aim.resourceVersion),
    },
  };
  const letGo =
    binding.metadata.finalizers?.includes(bindingFinalizer) && !finalizers.includes(bindingFinalizer);
  const owned = Object.values(state.outputs).some((output) => isOutputOf(output, binding));
  const next = {
    ...state,
    writes: state.writes + 1,
    misdeeds: [...state.misdeeds, ...(letGo && owned ? ['FINALIZER_REMOVED_TOO_EARLY'] : [])],
  };
  if (object.metadata.deletionTimestamp !== undefined && finalizers.length === 0) {
    return {
      state: { ...next, bindings: drop(state.bindings, aim.name) },
      answer: { kind: 'written', object },
      news: [{ kind: 'binding', object, gone: true }],
    };
  }
  return {
    state: { ...next, bindings: put(state.bindings, aim.name, object) },
    answer: { kind: 'written', object },
    news: [{ kind: 'binding', object, gone: false }],
  };
}

function replaceStatus(state: ClusterState, aim: WriteTarget, status: BindingStatus): Effect {
  const binding = state.bindings[aim.name];
  if (!binding || !isHit(binding, aim)) return read(state, stale);
  const resourceVersion = bump(aim.resourceVersion);
  const object = { ...binding, metadata: { ...binding.metadata, resourceVersion }, status };
  return {
    state: { ...state, writes: state.writes + 1, bindings: put(state.bindings, aim.name, object) },
    answer: { kind: 'written', object },
    news: [{ kind: 'binding', object, gone: false }],
  };
}

// ------------------------------------------------------------------------------------------------ writes to outputs

function isDenied({ denied }: ClusterState, { spec }: Pick<Output, 'spec'>): boolean {
  return denied !== undefined && spec.podSelector?.matchLabels?.['app'] === denied;
}

function toRefusal(asked: number) {
  return { ...refusal, message: `${refusal.message} (${asked})` };
}

const refusal = {
  kind: 'rejected',
  forbidden: false,
  message: 'admission webhook denied the request',
} as const;

function createOutput(state: ClusterState, draft: NewOutput, dryRun: boolean): Effect {
  const { name } = draft.metadata;
  if (state.outputs[name]) return read(state, { kind: 'exists' });
  if (isDenied(state, draft)) return read(state, refusal);
  const { births, metadata } = born(state, 'output', name);
  const object: Output = {
    spec: draft.spec,
    metadata: {
      ...metadata,
      labels: { ...draft.metadata.labels },
      annotations: { ...draft.metadata.annotations },
    },
  };
  if (dryRun) return read(state, { kind: 'written', object });
  return {
    state: { ...state, births, writes: state.writes + 1, outputs: put(state.outputs, name, object) },
    answer: { kind: 'written', object },
    news: [{ kind: 'output', object, gone: false }],
  };
}

function replaceOutput(state: ClusterState, wanted: Output): Effect {
  const { name } = wanted.metadata;
  const output = state.outputs[name];
  if (!output || !isHit(output, wanted.metadata)) return read(state, stale);
  if (isDenied(state, wanted)) return read(state, refusal);
  const resourceVersion = bump(output.metadata.resourceVersion);
  const object = { ...wanted, metadata: { ...wanted.metadata, resourceVersion } };
  return {
    state: {
      ...state,
      writes: state.writes + 1,
      outputs: put(state.outputs, name, object),
      misdeeds: [...state.misdeeds, ...(isOurs(output) ? [] : ['FOREIGN_TOUCHED'])],
    },
    answer: { kind: 'written', object },
    news: [{ kind: 'output', object, gone: false }],
  };
}

function deleteOutput(state: ClusterState, aim: WriteTarget): Effect {
  const output = state.outputs[aim.name];
  if (!output || !isHit(output, aim)) return read(state, stale);
  // A webhook that numbers its answers.
  if (state.isKeeping) return read({ ...state, asked: state.asked + 1 }, toRefusal(state.asked));
  const touched = isOurs(output) ? [] : ['FOREIGN_TOUCHED'];
  const next = { ...state, writes: state.writes + 1, misdeeds: [...state.misdeeds, ...touched] };
  const answer = { kind: 'written', object: undefined };
  if (output.metadata.finalizers?.length) {
    if (output.metadata.deletionTimestamp !== undefined) return read(state, answer);
    const metadata = {
      ...output.metadata,
      deletionTimestamp: toInstant(state),
      resourceVersion: bump(output.metadata.resourceVersion),
    };
    const object = { ...output, metadata };
    return {
      state: { ...next, outputs: put(state.outputs, aim.name, object) },
      answer,
      news: [{ kind: 'output', object, gone: false }],
    };
  }
  return {
    state: { ...next, outputs: drop(state.outputs, aim.name) },
    answer,
    news: [{ kind: 'output', object: output, gone: true }],
  };
}
