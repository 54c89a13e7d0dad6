import { expect } from 'vitest';
import { binding, objective, output, pool } from '../support/manifests.ts';
import type { KubeClient, Stored } from '../support/kube-client.ts';
import { type Everything, describeAll, expectAll, findViolations } from '../support/oracle.ts';
import { eventually } from '../support/test-cluster.ts';

const none: ReadonlySet<string> = new Set();

/** What a test expects besides the oracle's word: outputs that are not ours, and bindings whose name somebody took. */
export interface Exceptions {
  readonly foreign?: ReadonlySet<string>;
  readonly taken?: readonly string[];
}

/** Reads everything of a namespace that the oracle judges by. */
export async function readEverything(
  kube: KubeClient,
  namespace: string,
  foreign = none,
): Promise<Everything> {
  const list = ({ apiVersion, kind }: { apiVersion: string; kind: string }) =>
    kube.list({ apiVersion, kind, namespace });
  const [bindings, pools, objectives, outputs] = await Promise.all([
    list(binding()),
    list(pool()),
    list(objective()),
    kube.list({ apiVersion: output('any').apiVersion, kind: 'ClusterSPIFFEID' }),
  ]);
  const ours = outputs.filter((one) => !foreign.has(one.metadata.name) && isOf(namespace, one));
  return { namespace, bindings, pools, objectives, outputs: ours };
}

/** By label, by hint or by name: an output that somebody has damaged must not hide from the oracle. */
function isOf(namespace: string, { metadata, spec }: Stored): boolean {
  if (metadata.name.startsWith(`kleym-${namespace}-`)) return true;
  if (metadata.labels?.['kleym.sonda.red/binding-namespace'] === namespace) return true;
  return (spec as { hint?: string }).hint?.startsWith(`${namespace}/`) === true;
}

/** Waits until a namespace is as the oracle says, and nothing else of ours is in it. */
export async function atOracle(
  kube: KubeClient,
  namespace: string,
  exceptions: Exceptions = {},
  patienceMs = 60_000,
): Promise<Everything> {
  const { foreign = none, taken = [] } = exceptions;
  return await eventually(async () => {
    const all = await readEverything(kube, namespace, foreign);
    const expected = expectAll(all, 'kleym.sonda.red');
    for (const name of taken) {
      if (expected[name]) expected[name] = { ready: 'False OutputNameTaken', rivals: [], output: undefined };
    }
    expect(describeAll(all)).toEqual(expected);
    expect(findViolations(all)).toEqual([]);
    return all;
  }, patienceMs);
}
