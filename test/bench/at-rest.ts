// All that the benches know of the inside of the product: how a binding comes to rest, and how a namespace is decided.
import type { Binding, BindingStatus } from '../../shared/api/binding.ts';
import type { NewOutput } from '../../shared/api/new-output.ts';
import type { Objective } from '../../shared/api/objective.ts';
import type { Pool } from '../../shared/api/pool.ts';
import { bindingFinalizer } from '../../shared/api/binding.ts';
import { decide } from '../../shared/decide/decide.ts';
import { toConfirmedStatus } from '../../shared/decide/status.ts';
import { type Snapshot, toWorld } from '../../shared/decide/world.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import { findUnconverged } from '../../functions/sweep/find-unconverged.ts';
import { toClock } from '../../shared/collect/clock.ts';
import { complete } from '../support/complete.ts';

/** What the protocol writes for one new binding, without a look at anybody else. */
export interface Course {
  readonly finalizer: string;
  readonly announced: BindingStatus;
  readonly output: NewOutput;
  readonly confirmed: (uid: string) => BindingStatus;
}

/** A binding with what it refers to, as the API server hands them out. */
export interface Subject {
  readonly binding: Binding;
  readonly pool: Pool;
  readonly objective?: Objective | undefined;
}

/** Decides a namespace as the sweep does: the one call that is measured. */
export function decideNamespace(snapshot: Snapshot, settings: Settings): number {
  return complete(findUnconverged(snapshot, settings)).length;
}

/** A snapshot of a namespace whose pools and objectives are all of the present groups. */
export function toSnapshot(
  namespace: string,
  objects: Pick<Snapshot, 'outputs'> & {
    readonly bindings: readonly Binding[];
    readonly pools: readonly Pool[];
    readonly objectives: readonly Objective[];
  },
): Snapshot {
  const sources = {
    pools: {
      'inference.networking.k8s.io': byName(objects.pools),
      'inference.networking.x-k8s.io': byName(),
    },
    objectives: {
      'llm-d.ai': byName(objects.objectives),
      'inference.networking.x-k8s.io': byName(),
      'inference.networking.k8s.io': 'unserved',
    },
  } as const satisfies Snapshot['sources'];
  const clock = toClock(new Date().toISOString());
  return { namespace, bindings: byName(objects.bindings), outputs: objects.outputs, sources, clock };
}

/** Runs the protocol for one binding in memory. */
export function plan({ binding, pool, objective }: Subject, settings: Settings): Course {
  const { namespace, name } = binding.metadata;
  const held = { ...binding, metadata: { ...binding.metadata, finalizers: [bindingFinalizer] } };
  const nonce = `nonce-of-${name}-0000-0000-000000000000`.slice(0, 36);
  function next(seen: Binding) {
    const objects = {
      bindings: [seen],
      outputs: [],
      pools: [pool],
      objectives: objective ? [objective] : [],
    };
    const world = toWorld(toSnapshot(namespace, objects), settings);
    return decide(world, name, { unsentPost: { nonce, sendBy: 1, epoch: 0 } }, nonce);
  }

  const announcing = next(held);
  if (announcing.kind !== 'write-status')
    throw new Error(`${name}: expected an announcement, found ${announcing.kind}`);
  const creating = next({ ...held, status: announcing.status });
  if (creating.kind !== 'create-output')
    throw new Error(`${name}: expected an output, found ${creating.kind}`);
  return {
    finalizer: bindingFinalizer,
    announced: announcing.status,
    output: creating.output,
    confirmed: (uid) => toConfirmedStatus(creating.confirm, uid),
  };
}

function byName<T extends { readonly metadata: { readonly name: string } }>(
  objects: readonly T[] = [],
): ReadonlyMap<string, T> {
  return new Map(objects.map((object) => [object.metadata.name, object]));
}
