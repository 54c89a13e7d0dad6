import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { collectCluster } from '../../shared/collect/collect-cluster.ts';
import { binding, objective, pool } from '../../test/support/manifests.ts';
import { createSettling } from '../../test/support/settling.ts';
import { readDefinitions } from '../../local/crds/definitions.ts';

const [ours = '', ...others] = await readDefinitions();

/** What a later version has stored stays when an earlier one is back, so this CRD takes anything. */
function takeAnything(definition: string): string {
  const crd = parse(definition) as { spec: { versions: object[] } };
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  const versions = crd.spec.versions.map((version) => ({ ...version, selectableFields: [], schema }));
  return stringify({ ...crd, spec: { ...crd.spec, versions } });
}

const a = binding();
const c = binding('binding-c', { containerName: 'third' });

/** Two bindings that are well. */
async function createTwo() {
  const here = await createSettling(undefined, [takeAnything(ours), ...others]);
  await here.create(pool(), objective(), a, binding('binding-b', { containerName: 'sidecar' }));
  await here.settle(['binding-a', 'binding-b']);
  expect(await here.outputs()).toHaveLength(2);
  return here;
}

describe('after another version has been here', () => {
  const lent = { status: { claim: { kind: 'lending' } } };

  test('a claim that cannot be read keeps its binding waiting, and nobody who is well', async () => {
    const here = await createTwo();
    await here.edit(a, lent, 'status');
    const { endings, writes } = await here.settle(['binding-a', 'binding-b']);
    expect(endings.get('binding-a')).toEqual({
      kind: 'waiting',
      message: expect.stringContaining('status.claim cannot be read (kind: '),
    });
    expect(endings.get('binding-b')).toEqual({ kind: 'converged' });
    expect(writes).toBe(0);
    expect(await here.outputs()).toHaveLength(2);
  });

  test('nothing new appears beside such a claim', async () => {
    const here = await createTwo();
    await here.edit(a, lent, 'status');
    await here.create(c);
    await here.settle(['binding-c']);
    expect(await here.ready('binding-c')).toBe('Unknown Waiting');
    expect(await here.outputs()).toHaveLength(2);
  });

  test('and all goes on when somebody has removed it', async () => {
    const here = await createTwo();
    await here.edit(a, lent, 'status');
    await here.edit(a, { status: { claim: null } }, 'status');
    await here.create(c);
    await here.settle(['binding-a', 'binding-c']);
    expect(await here.ready('binding-a')).toBe('True Reconciled');
    expect(await here.ready('binding-c')).toBe('True Reconciled');
  });

  test('conditions that cannot be read are said anew', async () => {
    const here = await createTwo();
    await here.edit(a, { status: { conditions: [{ type: 'Registered', status: 'True' }] } }, 'status');
    await here.settle(['binding-a']);
    expect(await here.ready('binding-a')).toBe('True Reconciled');
  });

  test('a spec that cannot be read withdraws its output, and leaves the others of a list alone', async () => {
    const here = await createTwo();
    await here.edit(a, { spec: { mode: 'PerPod' } });
    expect(await collectCluster(here.cluster)).toMatchObject([{ bindings: { size: 2 } }]);
    await here.settle(['binding-a', 'binding-b']);
    expect(await here.ready('binding-a')).toBe('False UnreadableSpec');
    expect(await here.ready('binding-b')).toBe('True Reconciled');
    expect(await here.outputs()).toHaveLength(1);
  });
});
