import type { Binding, BindingSpec } from '../../shared/api/binding.ts';
import type { Objective } from '../../shared/api/objective.ts';
import type { Pool } from '../../shared/api/pool.ts';
import { outputNameOf, podsOf, spiffeIdOf, toOutputSpec } from '../support/specification.ts';
import { type ClusterState, type Look, born, namespace, put, trustDomain } from './model-cluster.ts';
import { runAlone } from './run-alone.ts';

/** A binding's spec in short: by default objective i of pool p, service account s, container c1. */
export interface Wish {
  readonly mode?: 'PoolOnly' | 'PerObjective';
  readonly pool?: string;
  readonly objective?: string;
  readonly account?: string;
  /** Empty: none. */
  readonly container?: string;
  readonly image?: string;
  /** The value of the pod label `tier` that the binding names itself. Empty: it names none. */
  readonly tier?: string;
}

export function toSpec(wish: Wish): BindingSpec {
  const { mode = 'PerObjective', pool = 'p', objective = 'i', account = 's', container = 'c1', image } = wish;
  const { tier = '' } = wish;
  const spec = {
    mode,
    poolRef: { name: pool },
    serviceAccountName: account,
    ...(tier !== '' && { podLabels: { tier } }),
  };
  if (mode === 'PoolOnly') return spec;
  return {
    ...spec,
    objectiveRef: { name: `${objective}-${pool}` },
    ...(container !== '' && { containerName: container }),
    ...(image !== undefined && { containerImage: toImage(image) }),
  };
}

function toImage(name: string): string {
  return `${registry}${name}@sha256:${'0'.repeat(64)}`;
}

const registry = 'registry.example/';

export function toWish({ mode = 'PerObjective', poolRef, objectiveRef, ...spec }: BindingSpec): Wish {
  return {
    mode,
    pool: poolRef.name,
    objective: objectiveRef?.name.split('-')[0] ?? 'i',
    account: spec.serviceAccountName,
    tier: spec.podLabels?.['tier'] ?? '',
    container: spec.containerName ?? (spec.containerImage === undefined ? 'c1' : ''),
    ...(spec.containerImage !== undefined && {
      image: spec.containerImage.slice(registry.length).split('@')[0] ?? '',
    }),
  };
}

/** The pools p and q, and the objectives i and j of each; no bindings. */
export function emptyCluster(look: Look): ClusterState {
  let state: ClusterState = {
    look,
    bindings: {},
    outputs: {},
    pools: {},
    objectives: {},
    clock: 1000,
    denied: undefined,
    isKeeping: false,
    ahead: 0,
    asked: 0,
    births: {},
    writes: 0,
    racing: undefined,
    raced: [],
    misdeeds: [],
  };
  for (const [pool, app] of Object.entries({ p: 'x', q: 'y' })) {
    state = { ...state, pools: put(state.pools, pool, toPool(pool, app, 1)) };
    for (const name of [`i-${pool}`, `j-${pool}`])
      state = { ...state, objectives: put(state.objectives, name, toObjective(name, pool)) };
  }
  return state;
}

/**
 * A pool for pods with this `app` label, and where it is `x/1` with the label `tier` too: these are some of the pods of
 * `x`. `bad` is a selector that cannot be rendered.
 */
export function toPool(name: string, pods: string, generation: number): Pool {
  const [app = '', tier] = pods.split('/');
  const selector = { matchLabels: pods === 'bad' ? {} : { app, ...(tier !== undefined && { tier }) } };
  const uid = `uid~pool.${name}.1`;
  return {
    metadata: { name, namespace, uid, resourceVersion: `rv~pool.${name}.1.${generation}`, generation },
    spec: { selector },
  };
}

export function toObjective(name: string, pool: string): Objective {
  const metadata = {
    name,
    namespace,
    uid: `uid~objective.${name}.1`,
    resourceVersion: `rv~objective.${name}.1.1`,
    generation: 1,
  };
  return { metadata, spec: { poolRef: { name: pool } } };
}

export function addBinding(state: ClusterState, name: string, wish: Wish): ClusterState {
  const { births, metadata } = born(state, 'binding', name);
  const binding: Binding = { metadata: { ...metadata, namespace }, spec: toSpec(wish) };
  return { ...state, births, bindings: put(state.bindings, name, binding) };
}

/** kleym-operator's output for a binding: without annotations, and without a label for the service account. */
export function addOperatorOutput(
  state: ClusterState,
  name: string,
  wish: Wish,
  selecting: Wish = wish,
): ClusterState {
  const output = toOperatorOutput(state, name, wish, selecting);
  const { births, metadata } = born(state, 'output', output.metadata.name);
  const { labels } = output.metadata;
  return {
    ...state,
    births,
    outputs: put(state.outputs, output.metadata.name, { ...output, metadata: { ...metadata, labels } }),
  };
}

const naming = { namespace, trustDomain };

/** The name of the output for a binding. */
export function outputNameFor(name: string, wish: Wish): string {
  return outputNameOf(naming, name, toSpec(wish));
}

function toOperatorOutput(state: ClusterState, name: string, wish: Wish, selecting: Wish) {
  const spec = toSpec(selecting);
  const labels = {
    'kleym.sonda.red/managed-by': 'kleym',
    'kleym.sonda.red/binding-name': name,
    'kleym.sonda.red/binding-namespace': namespace,
  };
  return {
    metadata: { name: outputNameOf(naming, name, toSpec(wish)), labels },
    spec: {
      ...toOutputSpec(naming, name, spec, podsOf(state.pools[spec.poolRef.name]) ?? {}),
      spiffeIDTemplate: spiffeIdOf(naming, toSpec(wish)),
    },
  };
}

/** A cluster in which the functions have settled these bindings. */
export async function settled(
  state: ClusterState,
  wishes: Readonly<Record<string, Wish>>,
): Promise<ClusterState> {
  let next = state;
  for (const [name, wish] of Object.entries(wishes)) next = addBinding(next, name, wish);
  const { state: end } = await runAlone(next, Object.keys(wishes), { id: 'setup' });
  return { ...end, writes: 0 };
}

/** An output that is somebody else's, under whatever name. */
export function toForeignOutput(state: ClusterState, name: string) {
  const { births, metadata } = born(state, 'output', name);
  const spec = { spiffeIDTemplate: 'spiffe://example.org/somebody-else', podSelector: {} };
  return { births, outputs: put(state.outputs, name, { metadata, spec }) };
}
