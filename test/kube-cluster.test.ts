import { type EmbeddedCluster, startCluster } from '@kleym/kube-api';
import { KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readDefinitions } from '../local/crds/definitions.ts';
import type { Binding } from '../shared/api/binding.ts';
import { objectiveResources } from '../shared/api/objective.ts';
import { poolResources } from '../shared/api/pool.ts';
import type { Cluster } from '../shared/kube/cluster.ts';
import { connect } from '../shared/kube/kube-cluster.ts';

const [pools] = poolResources;
const [objectives] = objectiveResources;
const anotherUid = '11111111-1111-1111-1111-111111111111';
const wait = { timeout: 10_000 };

const objects = `
apiVersion: kleym.sonda.red/v1alpha1
kind: InferenceIdentityBinding
metadata: { name: chat, namespace: default }
spec: { poolRef: { name: llama }, serviceAccountName: serving, mode: PoolOnly }
---
apiVersion: kleym.sonda.red/v1alpha1
kind: InferenceIdentityBinding
metadata: { name: search, namespace: default }
spec: { poolRef: { name: llama }, serviceAccountName: searching, mode: PoolOnly }
---
apiVersion: inference.networking.k8s.io/v1
kind: InferencePool
metadata: { name: llama, namespace: default }
spec:
  selector: { matchLabels: { app: llama } }
  targetPorts: [{ number: 8000 }]
  endpointPickerRef: { name: picker, port: { number: 9002 } }
---
apiVersion: llm-d.ai/v1alpha2
kind: InferenceObjective
metadata: { name: fast, namespace: default }
spec: { poolRef: { name: llama } }
`;

const newOutput = {
  metadata: { name: 'chat-1', labels: { 'example.org/by': 'us' }, annotations: { 'example.org/nonce': 'n' } },
  spec: {
    spiffeIDTemplate: 'spiffe://example.org/chat',
    podSelector: { matchLabels: { app: 'llama' } },
    ttl: '1h',
  },
};

let embedded: EmbeddedCluster;
let cluster: Cluster;

beforeAll(async () => {
  embedded = await startCluster({ crds: await readDefinitions() });
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromString(embedded.kubeconfig());
  cluster = connect({ kubeConfig });
}, wait.timeout);

afterAll(async () => {
  await embedded.close();
});

beforeEach(async () => {
  await embedded.apply(objects);
});

async function readBinding(): Promise<Binding> {
  const found = await cluster.getBinding('default', 'chat');
  if (typeof found === 'string') throw new Error(`the binding is ${found}`);
  return found;
}

async function namesOf(listed: ReturnType<Cluster['listBindings']>): Promise<string[]> {
  const found = await listed;
  return found === 'unserved' ? [] : found.items.map(({ metadata }) => metadata.name);
}

describe('reads', () => {
  it('find what is there', async () => {
    expect(await readBinding()).toHaveProperty('spec.serviceAccountName', 'serving');
    expect(await cluster.getPool(pools, 'default', 'llama')).toHaveProperty(
      'spec.selector.matchLabels.app',
      'llama',
    );
    expect(await cluster.getObjective(objectives, 'default', 'fast')).toHaveProperty(
      'spec.poolRef.name',
      'llama',
    );
    expect(await cluster.listPools(pools, 'default')).toHaveProperty('items.length', 1);
    expect(await cluster.listObjectives(objectives)).toHaveProperty('items.length', 1);
  });

  it('tell what is not there from what is not installed', async () => {
    expect(await cluster.getBinding('default', 'nope')).toBe('absent');
    expect(await cluster.getBinding('nowhere', 'chat')).toBe('absent');
    expect(await cluster.getOutput('nope')).toBe('absent');
    expect(await cluster.getPool({ ...pools, plural: 'ponds' }, 'default', 'llama')).toBe('unserved');
    expect(await cluster.getPool({ ...pools, version: 'v9' }, 'default', 'llama')).toBe('unserved');
    expect(await cluster.listObjectives({ ...objectives, group: 'example.org' })).toBe('unserved');
  });

  it('select bindings by a field, set or not', async () => {
    const by = (path: 'spec.serviceAccountName' | 'status.claim.serviceAccountName', value: string) =>
      namesOf(cluster.listBindings({ namespace: 'default', field: { path, value } }));
    expect(await namesOf(cluster.listBindings({}))).toEqual(['chat', 'search']);
    expect(await by('spec.serviceAccountName', 'searching')).toEqual(['search']);
    expect(await by('spec.serviceAccountName', 'a,b=c')).toEqual([]);
    expect(await by('status.claim.serviceAccountName', '')).toContain('search');
  });

  it('follow a list past its first page', async () => {
    const many = Array.from(
      { length: 501 },
      (_, index) => `
apiVersion: spire.spiffe.io/v1alpha1
kind: ClusterSPIFFEID
metadata: { name: many-${index}, labels: { example.org/many: 'yes' } }
spec: { spiffeIDTemplate: 'spiffe://example.org/x' }
`,
    );
    await embedded.apply(many.join('---'));
    expect(await cluster.listOutputs({ 'example.org/many': 'yes' })).toHaveProperty('items.length', 501);
  });
});

describe('writes to a binding', () => {
  it('replace its finalizers, and nothing when it has changed or is another', async () => {
    const { metadata } = await readBinding();
    const finalizers = ['kleym.sonda.red/inferenceidentitybinding-finalizer'];
    const written = await cluster.patchFinalizers('default', metadata, finalizers);
    expect(written).toHaveProperty('object.metadata.finalizers', finalizers);
    expect(await cluster.patchFinalizers('default', metadata, [])).toEqual({ kind: 'stale' });

    const now = (await readBinding()).metadata;
    expect(await cluster.patchFinalizers('default', { ...now, uid: anotherUid }, [])).toEqual({
      kind: 'stale',
    });
    const emptied = await cluster.patchFinalizers('default', now, []);
    expect(emptied).toHaveProperty('kind', 'written');
    expect((await readBinding()).metadata.finalizers ?? []).toEqual([]);
  });

  it('replace its status as a whole, and nothing when it has changed or is another', async () => {
    const { metadata, spec } = await readBinding();
    const claim = { name: 'x', serviceAccountName: 'serving', key: 'k' };
    const creating = { kind: 'creating', ...claim, nonce: 'n', at: '2026-01-06T10:00:00Z' } as const;
    expect(
      await cluster.replaceStatus('default', metadata, { observedGeneration: 1, claim: creating }),
    ).toHaveProperty('object.status', { observedGeneration: 1, claim: creating });
    expect(await cluster.replaceStatus('default', metadata, {})).toEqual({ kind: 'stale' });

    const now = (await readBinding()).metadata;
    expect(await cluster.replaceStatus('default', { ...now, uid: anotherUid }, {})).toEqual({
      kind: 'stale',
    });
    const owning = { kind: 'owning', ...claim, uid: 'u' } as const;
    await cluster.replaceStatus('default', now, { claim: owning });
    expect(await readBinding()).toMatchObject({ spec, status: { claim: owning } });
    expect((await readBinding()).status).toEqual({ claim: owning });
  });

  it('to one that is gone are stale', async () => {
    const { metadata } = await readBinding();
    expect(await cluster.replaceStatus('default', { ...metadata, name: 'gone' }, {})).toEqual({
      kind: 'stale',
    });
    expect(await cluster.patchFinalizers('default', { ...metadata, name: 'gone' }, [])).toEqual({
      kind: 'stale',
    });
  });
});

describe('writes of an output', () => {
  it('create, replace and delete it, each only once', async () => {
    expect(await cluster.createOutput(newOutput, { dryRun: true })).toHaveProperty('kind', 'written');
    expect(await cluster.getOutput('chat-1')).toBe('absent');
    const created = await cluster.createOutput(newOutput);
    if (created.kind !== 'written') throw new Error(`the output is ${created.kind}`);
    expect(await cluster.createOutput(newOutput)).toEqual({ kind: 'exists' });

    const listed = await cluster.listOutputs({
      'example.org/by': ['us', 'them'],
      'example.org/other': undefined,
    });
    if (listed === 'unserved') throw new Error('outputs are not served');
    const [output] = listed.items;
    if (!output) throw new Error('the output is not in the list');
    const replaced = await cluster.replaceOutput({ ...output, spec: { ...output.spec, hint: 'h' } });
    expect(replaced).toHaveProperty('object.spec', { ...newOutput.spec, hint: 'h' });
    expect(await cluster.replaceOutput(output)).toEqual({ kind: 'stale' });
    expect(await cluster.deleteOutput(created.object.metadata)).toEqual({ kind: 'stale' });

    const now = await cluster.getOutput('chat-1');
    if (typeof now === 'string') throw new Error(`the output is ${now}`);
    const { metadata } = now;
    expect(await cluster.deleteOutput({ ...metadata, uid: anotherUid })).toEqual({ kind: 'stale' });
    expect(await cluster.deleteOutput(metadata)).toEqual({ kind: 'written', object: undefined });
    expect(await cluster.deleteOutput(metadata)).toEqual({ kind: 'stale' });
    expect(await cluster.replaceOutput(now)).toEqual({ kind: 'stale' });
  });

  it('that the schema does not allow are refused in the words of the API server', async () => {
    const refused = await cluster.createOutput({
      ...newOutput,
      metadata: { ...newOutput.metadata, name: 'Not_A_Name' },
    });
    expect(refused).toEqual({
      kind: 'rejected',
      forbidden: false,
      message: expect.stringContaining('Not_A_Name'),
    });
  });
});

it('an announcement is made once', async () => {
  const announcement = {
    name: 'chat.0a1b2c',
    binding: await readBinding(),
    type: 'Normal',
    reason: 'Reconciled',
    message: 'identity written '.repeat(100),
  } as const;
  expect(await cluster.createEvent(announcement)).toEqual({ kind: 'written', object: undefined });
  expect(await cluster.createEvent(announcement)).toEqual({ kind: 'exists' });
});
