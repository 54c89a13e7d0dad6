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
import { decideOrphans } from './decide-orphans.ts';
import { decide } from './decide.ts';
import type { Decision } from './decision.ts';
import type { RunState } from './run-state.ts';
import { type Snapshot, toWorld } from './world.ts';

const numRuns = 2000;
const names = ['a', 'b', 'c'] as const;
const clock = {
  now: '2026-11-21T12:00:00Z',
  quarantine: '2026-11-21T11:58:00Z',
  horizon: '2026-11-21T12:02:00Z',
};
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
    mode: fc.constantFrom('PoolOnly' as const, 'PerObjective' as const, 'PerObjective' as const),
    pool: fc.constantFrom('p', 'p', 'p', 'unsafe', 'none'),
    container,
    podLabels: fc.constantFrom(undefined, undefined, { role: 'prefill' }, { app: 'other' }),
    deleting: fc.constantFrom(true, false, false, false),
    finalized: fc.constantFrom(false, true, true, true),
  })
  .map(({ mode, pool, podLabels, deleting, finalized, ...rest }) => {
    const perObjective = { objectiveRef: { name: 'o' }, containerName: rest.container };
    const spec = {
      poolRef: { name: pool },
      serviceAccountName: 'sa',
      mode,
      ...(mode === 'PerObjective' && perObjective),
      ...(podLabels && { podLabels }),
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

type State = 'none' | 'right' | 'moved' | 'terminating';

/** The output of a binding; moved: as it was when the binding asked for the other container, and named no labels. */
function outputOf(owner: Binding, state: State): Output[] {
  const other = owner.spec.containerName === 'one' ? 'two' : 'one';
  const { podLabels: _labels, ...unnarrowed } = owner.spec;
  const asked = state === 'moved' ? { ...owner, spec: { ...unnarrowed, containerName: other } } : owner;
  const { outcome } = renderIdentity(asked, sources, exampleSettings);
  if (outcome.kind !== 'done' || state === 'none') return [];
  const { metadata, spec } = outcome.value.output;
  const deletion = state === 'terminating' ? { deletionTimestamp: clock.now } : {};
  return [
    { spec, metadata: { ...metadata, uid: `o-${owner.metadata.name}`, resourceVersion: '1', ...deletion } },
  ];
}

const kind = fc.constantFrom('creating', 'replacing', 'owning');
const pods = fc.constantFrom('{"app":"x"}', '{"app":"x"}', '{"app":"x","role":"prefill"}');
const claim = fc.record({ kind, container, pods, isOld: fc.boolean() });

interface ClaimParts {
  readonly kind: string;
  readonly container: string;
  readonly pods: string;
  readonly isOld: boolean;
}

function toClaim(owner: Binding, { kind, container: of, pods: some, isOld }: ClaimParts): Claim {
  const claimed = {
    name: nameOutput(owner, exampleSettings) ?? '',
    serviceAccountName: 'sa',
    key: `{"container":"${of}","pods":${some},"serviceAccount":"sa"}`,
  };
  const uid = `o-${owner.metadata.name}`;
  if (kind === 'creating') return { kind, ...claimed, nonce: 'a', at: isOld ? clock.quarantine : clock.now };
  return kind === 'replacing' ? { kind, ...claimed, uid, base: '1' } : { kind: 'owning', ...claimed, uid };
}

const scene = fc
  .record({
    bindings: fc.uniqueArray(
      fc.record({
        binding,
        claim: fc.option(claim, { nil: undefined }),
        output: fc.constantFrom<State>('none', 'right', 'moved', 'terminating'),
      }),
      { selector: (one) => one.binding.metadata.name },
    ),
    orphan: fc.option(binding, { nil: undefined }),
    state: fc.constantFrom<RunState>(
      {},
      { unsentPost: { nonce: 'a', sendBy: 1, epoch: 0 } },
      { unsentPost: { nonce: 'a', sendBy: 1, epoch: 0 } },
      { endedNonce: 'a' },
      { endedNonce: 'a' },
    ),
    overlapPolicy: fc.constantFrom('report' as const, 'refuse' as const),
  })
  .map(({ bindings, orphan, state, overlapPolicy }) => {
    const all = bindings.map((one) => ({
      ...one.binding,
      ...(one.claim && { status: { claim: toClaim(one.binding, one.claim) } }),
    }));
    const snapshot: Snapshot = {
      namespace: 'default',
      bindings: new Map(all.map((one) => [one.metadata.name, one])),
      outputs: [
        ...bindings.flatMap((one) => outputOf(one.binding, one.output)),
        ...(orphan ? outputOf({ ...orphan, metadata: { ...orphan.metadata, name: 'd' } }, 'right') : []),
      ],
      sources,
      clock,
    };
    return { world: toWorld(snapshot, { ...exampleSettings, overlapPolicy }), state };
  });

/** A decision without the functions in it, which are new each time. */
function toText(decision: Decision): string {
  return JSON.stringify(decision);
}

describe('decide', () => {
  it('is tried on worlds that lead to every kind of decision', () => {
    const kinds = fc
      .sample(fc.tuple(scene, name), { numRuns: 4000, seed: 1 })
      .map(([{ world, state }, of]) => decide(world, of, state, 'nonce').kind);
    expect([...new Set(kinds)].toSorted()).toEqual([
      'converged',
      'create-output',
      'delete-output',
      'fence-output',
      'patch-finalizers',
      'replace-output',
      'waiting',
      'write-status',
    ]);
  });

  it('has an answer for every world, and the same one each time', () => {
    const property = fc.property(scene, name, ({ world, state }, of) => {
      expect(toText(decide(world, of, state, 'nonce'))).toBe(toText(decide(world, of, state, 'nonce')));
      decideOrphans(world);
    });
    fc.assert(property, { numRuns });
  });

  it('decides in data, which can be copied', () => {
    const property = fc.property(scene, name, ({ world, state }, of) => {
      const decision = decide(world, of, state, 'nonce');
      expect(structuredClone(decision)).toEqual(decision);
    });
    fc.assert(property, { numRuns });
  });

  it('never reports a refusal while an output of the binding exists', () => {
    const property = fc.property(scene, name, ({ world, state }, of) => {
      const step = decide(world, of, state, 'nonce');
      const isRefusal =
        step.kind === 'write-status' &&
        step.status.conditions?.some(({ type, status }) => type !== 'Ready' && status === 'True');
      return !isRefusal || !world.outputsByOwner.has(of);
    });
    fc.assert(property, { numRuns });
  });

  it('never lets a binding go while an output of it exists or may still appear', () => {
    const property = fc.property(scene, name, ({ world, state }, of) => {
      const step = decide(world, of, state, 'nonce');
      if (step.kind !== 'patch-finalizers' || step.finalizers.includes(bindingFinalizer)) return true;
      const held = world.snapshot.bindings.get(of)?.status?.claim;
      const mayAppear =
        held?.kind === 'creating' &&
        held.at > clock.quarantine &&
        ![state.unsentPost?.nonce, state.endedNonce].includes(held.nonce);
      return !mayAppear && !world.outputsByOwner.has(of);
    });
    fc.assert(property, { numRuns });
  });

  it('never creates or moves an output onto a key that another output holds', () => {
    const property = fc.property(scene, name, ({ world, state }, of) => {
      const step = decide(world, of, state, 'nonce');
      if (step.kind !== 'create-output' && step.kind !== 'replace-output') return true;
      const wanted = step.kind === 'create-output' ? step.output : step.wanted;
      const { outcome } = renderIdentity(step.binding, sources, exampleSettings);
      const key = outcome.kind === 'done' ? outcome.value.key : undefined;
      const holders = key === undefined ? [] : (world.outputHolders.get(key) ?? []);
      return holders.every(({ output }) => output.metadata.name === wanted.metadata.name);
    });
    fc.assert(property, { numRuns });
  });
});
