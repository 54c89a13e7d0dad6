import { expect, test } from 'vitest';
import type { Binding, Claim } from '../../shared/api/binding.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';
import { storedCluster } from '../../test/support/stored-cluster.ts';
import { createBinding, perObjective } from '../../test/support/inference.ts';
import { type Notes, perform } from './perform.ts';

const claim: Claim = {
  kind: 'creating',
  name: 'kleym-a',
  serviceAccountName: 'sa',
  nonce: 'of another run',
  at: '2026-01-01T00:00:00Z',
};
const binding = createBinding(perObjective);

/** What a run has noted after it wrote this claim to a binding that had, or had not, one before. */
async function noteAfter(before: Claim | undefined, written: Claim): Promise<Notes> {
  const old: Binding = before ? { ...binding, status: { claim: before } } : binding;
  const cluster: Cluster = {
    ...storedCluster({}, { only: [] }).cluster,
    replaceStatus: async (_namespace, _aim, status) => ({ kind: 'written', object: { ...old, status } }),
  };
  const notes: Notes = { looked: 100, tries: 0 };
  const announcer = { tell: () => undefined, told: async () => undefined };
  const tools = {
    cluster,
    announcer,
    nonce: () => 'unused',
    elapsed: () => 5_000,
    giveWay: async () => undefined,
  };
  const status = { claim: written };
  await perform({ kind: 'write-status', binding: old, status, waiting: undefined }, notes, tools);
  return notes;
}

test('what a run announces is as old as the look from which it was announced', async () => {
  expect((await noteAfter(undefined, claim)).unsent).toEqual({ nonce: 'of another run', since: 100 });
  const other = { ...claim, nonce: 'ours' };
  expect((await noteAfter(claim, other)).unsent).toEqual({ nonce: 'ours', since: 100 });
});

test("a claim that is written back is another run's, and its POST may have been sent: it is not ours to send", async () => {
  const redated = { ...claim, at: '2026-01-01T00:05:00Z' };
  expect((await noteAfter(claim, redated)).unsent).toBeUndefined();
});
