import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createBinding,
  createObjective,
  createPool,
  exampleSettings,
  serve,
} from '../../test/support/inference.ts';
import { type Binding, type Claim, bindingFinalizer } from '../api/binding.ts';
import type { Output } from '../api/cluster-spiffe-id.ts';
import { nameOutput, renderIdentity } from '../identity/render-identity.ts';
import { decide, decideOrphans } from './decide.ts';
import type { Decision } from './decision.ts';
import type { Memory } from './memory.ts';
import { type Snapshot, toWorld } from './world.ts';

const names = ['a', 'b', 'c'] as const;
const clock = { now: '2026-11-21T12:00:00Z', quarantine: '2026-11-21T11:58:00Z' };
const sources: Snapshot['sources'] = {
  pools: {
    'inference.networking.k8s.io': serve(
      createPool({ matchLabels: { app: 'x' } }, 'p'),
      createPool({}, 'unsafe'),
    ),
  },
  objectives: { 'llm-d.ai': serve(createObjective({ name: 'p' }, 'o')) },
};

const name = fc.constantFrom(...names);
const container = fc.constantFrom('one', 'two');

const binding = fc
  .record({
    name,
    mode: fc.constantFrom('PoolOnly' as const, 'PerObjective' as const),
    pool: fc.constantFrom('p', 'unsafe', 'none'),
    container,
    deleting: fc.boolean(),
    finalized: fc.boolean(),
  })
  .map(({ mode, pool, deleting, finalized, ...rest }) => {
    const perObjective = { objectiveRef: { name: 'o' }, containerName: rest.container };
    const spec = {
      poolRef: { name: pool },
      serviceAccountName: 'sa',
      mode,
      ...(mode === 'PerObjective' && perObjective),
    };
    const { metadata } = createBinding(spec, rest.name);
    return {
      spec,
      metadata: {
        ...metadata,
        ...(deleting && { deletionTimestamp: clock.now }),
        ...(finalized && { finalizers: [bindingFinalizer] }),
      },
    };
  });

function outputOf(owner: Binding, terminating: boolean): Output[] {
  const { outcome } = renderIdentity(owner, sources, exampleSettings);
  if (outcome.kind !== 'done') return [];
  const { metadata, spec } = outcome.value.output;
  const deletion = terminating ? { deletionTimestamp: clock.now } : {};
  return [
    { spec, metadata: { ...metadata, uid: `o-${owner.metadata.name}`, resourceVersion: '1', ...deletion } },
  ];
}

const claim = fc.record({
  kind: fc.constantFrom('creating', 'replacing', 'owning'),
  of: name,
  key: container,
  age: fc.boolean(),
});

function toClaim(
  owner: Binding,
  { kind, of, key, age }: { kind: string; of: string; key: string; age: boolean },
): Claim {
  const claimed = {
    name: nameOutput(owner, exampleSettings) ?? '',
    serviceAccountName: 'sa',
    key: `{"container":"${key}","pods":{"app":"x"},"serviceAccount":"sa"}`,
  };
  if (kind === 'creating') return { kind, ...claimed, nonce: of, at: age ? clock.now : clock.quarantine };
  if (kind === 'replacing') return { kind, ...claimed, uid: `o-${of}`, base: '1' };
  return { kind: 'owning', ...claimed, uid: `o-${of}` };
}

const scene = fc
  .record({
    bindings: fc.uniqueArray(fc.tuple(binding, fc.option(claim, { nil: undefined })), {
      selector: ([{ metadata }]) => metadata.name,
    }),
    owners: fc.array(fc.tuple(binding, fc.boolean()), { maxLength: 3 }),
    memory: fc.constantFrom<Memory>(
      {},
      { unsent: { nonce: 'a', fresh: true } },
      { unsent: { nonce: 'a', fresh: false } },
      { dead: 'a' },
    ),
    overlapPolicy: fc.constantFrom('report' as const, 'refuse' as const),
  })
  .map(({ bindings, owners, memory, overlapPolicy }) => {
    const all = bindings.map(([one, held]) => ({
      ...one,
      ...(held && { status: { claim: toClaim(one, held) } }),
    }));
    const snapshot: Snapshot = {
      namespace: 'default',
      bindings: new Map(all.map((one) => [one.metadata.name, one])),
      outputs: owners.flatMap(([owner, terminating]) => outputOf(owner, terminating)),
      sources,
      clock,
    };
    return { world: toWorld(snapshot, { ...exampleSettings, overlapPolicy }), memory };
  });

/** A decision without the functions in it, which are new each time. */
function toText(decision: Decision): string {
  return JSON.stringify(decision);
}

describe('decide', () => {
  it('is tried on worlds that lead to every kind of decision', () => {
    const kinds = fc
      .sample(fc.tuple(scene, name), { numRuns: 4000, seed: 1 })
      .map(([{ world, memory }, of]) => decide(world, of, memory, 'nonce').kind);
    expect([...new Set(kinds)].toSorted()).toEqual([
      'create-output',
      'delete-output',
      'fence-output',
      'patch-finalizers',
      'patch-status',
      'replace-output',
      'settled',
      'waiting',
    ]);
  });

  it('has an answer for every world, and the same one each time', () => {
    const property = fc.property(scene, name, ({ world, memory }, of) => {
      expect(toText(decide(world, of, memory, 'nonce'))).toBe(toText(decide(world, of, memory, 'nonce')));
      decideOrphans(world);
    });
    fc.assert(property, { numRuns: 2000 });
  });

  it('never reports a refusal while an output of the binding exists', () => {
    const property = fc.property(scene, name, ({ world, memory }, of) => {
      const step = decide(world, of, memory, 'nonce');
      if (step.kind !== 'patch-status') return;
      const isRefusal = step.status.conditions?.some(
        ({ type, status }) => type !== 'Ready' && status === 'True',
      );
      if (isRefusal) expect(world.outputsByOwner.get(of) ?? []).toEqual([]);
    });
    fc.assert(property, { numRuns: 2000 });
  });

  it('never lets a binding go while an output of it exists or may still appear', () => {
    const property = fc.property(scene, name, ({ world, memory }, of) => {
      const step = decide(world, of, memory, 'nonce');
      if (step.kind !== 'patch-finalizers' || step.finalizers.includes(bindingFinalizer)) return;
      expect(world.outputsByOwner.get(of) ?? []).toEqual([]);
      const held = world.snapshot.bindings.get(of)?.status?.claim;
      const isKnown = held?.kind === 'creating' && [memory.unsent?.nonce, memory.dead].includes(held.nonce);
      if (held?.kind === 'creating' && !isKnown) expect(held.at <= clock.quarantine).toBe(true);
    });
    fc.assert(property, { numRuns: 2000 });
  });

  it('never creates or moves an output onto a key that another one holds', () => {
    const property = fc.property(scene, name, ({ world, memory }, of) => {
      const step = decide(world, of, memory, 'nonce');
      if (step.kind !== 'create-output' && step.kind !== 'replace-output') return;
      const wanted = step.kind === 'create-output' ? step.output : step.wanted;
      const { outcome } = renderIdentity(step.binding, sources, exampleSettings);
      if (outcome.kind !== 'done' || outcome.value.key === undefined) return;
      const others = (world.holders.get(outcome.value.key) ?? []).filter(
        ({ output }) => output.metadata.name !== wanted.metadata.name,
      );
      expect(others).toEqual([]);
    });
    fc.assert(property, { numRuns: 2000 });
  });
});
