import { expect, test } from 'vitest';
import type { Binding, Claim } from '../../shared/api/binding.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';
import { storedCluster } from '../../test/support/stored-cluster.ts';
import { createBinding, perObjective } from '../../test/support/inference.ts';
import type { RunState } from '../../shared/decide/run-state.ts';
import { perform } from './perform.ts';

const claim: Claim = {
  kind: 'creating',
  name: 'kleym-a',
  serviceAccountName: 'sa',
  nonce: 'of another run',
  at: '2026-01-01T00:00:00Z',
};
const binding = createBinding(perObjective);

/** What a run remembers after it wrote this claim to a binding that had, or had not, one before. */
async function stateAfter(before: Claim | undefined, written: Claim): Promise<RunState> {
  const old: Binding = before ? { ...binding, status: { claim: before } } : binding;
  const cluster: Cluster = {
    ...storedCluster({}, { only: [] }).cluster,
    replaceStatus: async (_namespace, _aim, status) => ({ kind: 'written', object: { ...old, status } }),
  };
  const state: RunState = {};
  const events = { record: () => undefined, flush: async () => undefined };
  const tools = {
    cluster,
    events,
    nonce: () => 'unused',
    elapsed: () => 5_000,
    yieldToOthers: async () => undefined,
  };
  const status = { claim: written };
  const decision = { kind: 'write-status', binding: old, status, waiting: undefined } as const;
  await perform({ decision, state, datedAt: 100, tools });
  return state;
}

test('what a run announces is as old as the look from which it was announced', async () => {
  const unsent = { nonce: 'of another run', sendBy: 20_100, epoch: Date.parse('2025-12-31T23:59:55Z') };
  expect((await stateAfter(undefined, claim)).unsentPost).toEqual(unsent);
  const other = { ...claim, nonce: 'ours' };
  expect((await stateAfter(claim, other)).unsentPost).toEqual({ ...unsent, nonce: 'ours' });
});

test("a claim that is written back is another run's, and its POST may have been sent: it is not ours to send", async () => {
  const redated = { ...claim, at: '2026-01-01T00:05:00Z' };
  expect((await stateAfter(claim, redated)).unsentPost).toBeUndefined();
});
