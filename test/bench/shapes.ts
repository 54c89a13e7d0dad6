import type { Binding, BindingSpec } from '../../shared/api/binding.ts';
import type { Output } from '../../shared/api/cluster-spiffe-id.ts';
import type { Snapshot } from '../../shared/decide/world.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import { createObjective, createPool, poolOnly } from '../support/inference.ts';
import { plan, toSnapshot } from './at-rest.ts';
import { range } from './figures.ts';

/** How a namespace may look: what the binding with this number asks for. */
interface Shape {
  readonly poolOf: (index: number) => string;
  readonly labelsOf: (index: number) => Readonly<Record<string, string>>;
  readonly spec: (index: number) => Partial<BindingSpec>;
  /** Whether each has its identity; where all ask for one container nobody has. */
  readonly atRest: boolean;
}

const ownPool = (index: number) => `pool-${index}`;
const common = { poolOf: ownPool, spec: () => ({ containerName: 'main' }), atRest: true };
const many = Object.fromEntries(range(63).map((key) => [`key-${key}`, 'same']));

/** Namespaces that look as they might where somebody has a reason, or means harm. */
export const shapes: Readonly<Record<string, Shape>> = {
  'a-pool-each': { ...common, labelsOf: (index) => ({ app: `app-${index}` }) },
  images: {
    ...common,
    poolOf: () => 'pool',
    labelsOf: () => ({ app: 'one' }),
    spec: (index) => ({ containerImage: toImage(index) }),
  },
  'different-keys': { ...common, labelsOf: (index) => ({ [`key-${index}`]: 'here' }) },
  'last-of-64': { ...common, labelsOf: (index) => ({ ...many, last: `value-${index}` }) },
  crowd: { ...common, poolOf: () => 'pool', labelsOf: () => ({ app: 'one' }), atRest: false },
  random: { ...common, labelsOf: toRandomLabels, spec: (index) => ({ containerName: `c-${index}` }) },
  'random-one-container': { ...common, labelsOf: toRandomLabels, atRest: false },
};

/** A namespace of so many bindings of one service account, as the API server hands it out when they are at rest. */
export function toNamespace(name: string, size: number, settings: Settings): Snapshot {
  const shape = shapes[name];
  if (!shape) throw new Error(`there is no shape ${name}; there are ${Object.keys(shapes).join(', ')}`);
  const pools = new Map(
    range(size).map((index) => [
      shape.poolOf(index),
      createPool({ matchLabels: shape.labelsOf(index) }, shape.poolOf(index)),
    ]),
  );
  const bindings: Binding[] = [];
  const outputs: Output[] = [];
  const objectives = range(size).map((index) =>
    createObjective({ name: shape.poolOf(index) }, `objective-${index}`),
  );
  for (const [index, objective] of objectives.entries()) {
    const poolName = shape.poolOf(index);
    const pool = pools.get(poolName);
    if (!pool) continue;
    const references = { poolRef: { name: poolName }, objectiveRef: { name: objective.metadata.name } };
    const binding = toBinding(`binding-${index}`, {
      ...poolOnly,
      mode: 'PerObjective',
      ...references,
      ...shape.spec(index),
    });
    if (!shape.atRest) {
      bindings.push(binding);
      continue;
    }
    const { output, confirmed } = plan({ binding, pool, objective }, settings);
    const uid = `uid-of-output-${index}`;
    bindings.push({ ...binding, status: confirmed(uid) });
    outputs.push({ ...output, metadata: { ...output.metadata, uid, resourceVersion: '1', generation: 1 } });
  }
  return toSnapshot('default', { bindings, outputs, pools: [...pools.values()], objectives });
}

/** An image that differs from others in its digest alone. */
export function toImage(index: number): string {
  return `registry.example.org/model@sha256:${String(index).padStart(64, '0')}`;
}

function toBinding(name: string, spec: BindingSpec): Binding {
  const finalizers = ['kleym.sonda.red/inferenceidentitybinding-finalizer'];
  const metadata = { name, namespace: 'default', uid: `uid-of-${name}`, resourceVersion: '1', generation: 1 };
  return { metadata: { ...metadata, finalizers }, spec };
}

/** Out of 8 keys with 4 values each, some; the same ones in each run. */
function toRandomLabels(index: number): Record<string, string> {
  const random = createRandom(index + 1);
  const chosen = range(8).filter(() => random() < 0.5);
  const labels = chosen.map((key) => [`key-${key}`, `value-${Math.floor(random() * 4)}`]);
  return labels.length > 0 ? (Object.fromEntries(labels) as Record<string, string>) : { 'key-0': 'value-0' };
}

/** Numbers from 0 to 1 that look random (mulberry32). */
function createRandom(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
