import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import type { BindingStatus } from '../../shared/api/binding.ts';
import { collectCluster } from '../../shared/collect/collect-cluster.ts';
import { connect } from '../../shared/kube/kube-cluster.ts';
import { createInMemoryCluster } from '../../test/support/in-memory-cluster.ts';
import { binding, objective, output, pool } from '../../test/support/manifests.ts';
import type { Manifest } from '../../test/support/kube-client.ts';
import { readDefinitions } from '../../local/crds/definitions.ts';
import { testSettings } from '../../test/support/test-cluster.ts';
import { settle } from './settle.ts';

const namespace = 'team-a';
const [ours = '', ...others] = await readDefinitions();

/** What a later version has stored stays when an earlier one is back, so this CRD takes anything. */
function takeAnything(definition: string): string {
  const crd = parse(definition) as { spec: { versions: object[] } };
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  const versions = crd.spec.versions.map((version) => ({ ...version, selectableFields: [], schema }));
  return stringify({ ...crd, spec: { ...crd.spec, versions } });
}

function at(manifest: Manifest): Manifest {
  return { ...manifest, metadata: { ...manifest.metadata, namespace } };
}

/** Two bindings that are well. */
async function createTwo() {
  const { kube, connection } = createInMemoryCluster([takeAnything(ours), ...others]);
  const cluster = connect({ ...connection, sleep: async () => undefined, elapsed: () => 0 });
  const announcer = { tell: () => undefined, told: async () => undefined };
  let nonces = 0;
  const tools = {
    cluster,
    announcer,
    nonce: () => `nonce-${nonces++}`,
    elapsed: () => 0,
    giveWay: async () => undefined,
  };
  const here = {
    cluster,
    create: (manifest: Manifest) => kube.create(at(manifest)),
    edit: (name: string, patch: object, subresource?: 'status') =>
      kube.edit(at(binding(name)), patch, subresource),
    settle: (...names: string[]) => settle({ namespace, names }, testSettings, tools),
    outputs: () => kube.list({ apiVersion: output('any').apiVersion, kind: output('any').kind }),
    ready: async (name: string) => {
      const status = (await kube.get(at(binding(name))))?.['status'] as BindingStatus | undefined;
      const [ready] = status?.conditions ?? [];
      return `${ready?.status} ${ready?.reason}`;
    },
  };
  await kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  for (const manifest of [pool(), objective(), binding(), binding('binding-b', { containerName: 'sidecar' })])
    await here.create(manifest);
  await here.settle('binding-a', 'binding-b');
  expect(await here.outputs()).toHaveLength(2);
  return here;
}

describe('after another version has been here', () => {
  const lent = { status: { claim: { kind: 'lending' } } };

  test('a claim that cannot be read keeps its binding waiting, and nobody who is well', async () => {
    const here = await createTwo();
    await here.edit('binding-a', lent, 'status');
    const { endings, writes } = await here.settle('binding-a', 'binding-b');
    expect(endings.get('binding-a')).toEqual({
      kind: 'waiting',
      message: expect.stringContaining('status.claim cannot be read (kind: '),
    });
    expect(endings.get('binding-b')).toEqual({ kind: 'settled' });
    expect(writes).toBe(0);
    expect(await here.outputs()).toHaveLength(2);
  });

  test('nothing new appears beside such a claim', async () => {
    const here = await createTwo();
    await here.edit('binding-a', lent, 'status');
    await here.create(binding('binding-c', { containerName: 'third' }));
    await here.settle('binding-c');
    expect(await here.ready('binding-c')).toBe('Unknown Waiting');
    expect(await here.outputs()).toHaveLength(2);
  });

  test('and all goes on when somebody has removed it', async () => {
    const here = await createTwo();
    await here.edit('binding-a', lent, 'status');
    await here.edit('binding-a', { status: { claim: null } }, 'status');
    await here.create(binding('binding-c', { containerName: 'third' }));
    await here.settle('binding-a', 'binding-c');
    expect(await here.ready('binding-a')).toBe('True Reconciled');
    expect(await here.ready('binding-c')).toBe('True Reconciled');
  });

  test('conditions that cannot be read are said anew', async () => {
    const here = await createTwo();
    await here.edit(
      'binding-a',
      { status: { conditions: [{ type: 'Registered', status: 'True' }] } },
      'status',
    );
    await here.settle('binding-a');
    expect(await here.ready('binding-a')).toBe('True Reconciled');
  });

  test('a spec that cannot be read withdraws its output, and leaves the others of a list alone', async () => {
    const here = await createTwo();
    await here.edit('binding-a', { spec: { mode: 'PerPod' } });
    expect(await collectCluster(here.cluster)).toMatchObject([{ bindings: { size: 2 } }]);
    await here.settle('binding-a', 'binding-b');
    expect(await here.ready('binding-a')).toBe('False UnreadableSpec');
    expect(await here.ready('binding-b')).toBe('True Reconciled');
    expect(await here.outputs()).toHaveLength(1);
  });
});
