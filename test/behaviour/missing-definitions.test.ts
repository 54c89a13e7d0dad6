import { randomUUID } from 'node:crypto';
import { HTTP } from 'cloudevents';
import { parse } from 'yaml';
import { afterEach, describe, expect, test } from 'vitest';
import { toBindingsAffected } from '../../shared/events/bindings-affected.ts';
import { binding, objective, oldObjective, oldPool, pool, poolBinding } from '../support/manifests.ts';
import type { Manifest, Stored } from '../support/kube-client.ts';
import { readDefinitions } from '../../local/crds/definitions.ts';
import { eventually, toWritten, useCluster } from '../support/test-cluster.ts';

// Definitions belong to the whole cluster, so these tests run one after the other.
const cluster = await useCluster();
const stack = await cluster.startStack();
const definitions = (await readDefinitions()).map((text) => parse(text) as Manifest);

function definitionOf(name: string): Manifest {
  const found = definitions.find(({ metadata }) => metadata.name === name);
  if (!found) throw new Error(`no definition ${name}`);
  return found;
}

const pools = definitionOf('inferencepools.inference.networking.k8s.io');
const oldPools = definitionOf('inferencepools.inference.networking.x-k8s.io');
const objectives = definitionOf('inferenceobjectives.llm-d.ai');
const oldObjectives = definitionOf('inferenceobjectives.inference.networking.x-k8s.io');
const outputs = definitionOf('clusterspiffeids.spire.spiffe.io');

/** The objective that the system's documentation shows; no such CRD was ever shipped, so this one checks nothing. */
const documentedObjectives: Manifest = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: {
    name: 'inferenceobjectives.inference.networking.k8s.io',
    // The API server guards its own groups by this.
    annotations: { 'api-approved.kubernetes.io': 'unapproved, testing only' },
  },
  spec: {
    group: 'inference.networking.k8s.io',
    scope: 'Namespaced',
    names: {
      kind: 'InferenceObjective',
      listKind: 'InferenceObjectiveList',
      plural: 'inferenceobjectives',
      singular: 'inferenceobjective',
    },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};

async function remove(...removed: readonly Manifest[]): Promise<void> {
  for (const definition of removed) await cluster.kube.delete(definition);
  for (const definition of removed)
    await eventually(async () => expect(await cluster.kube.get(definition)).toBeUndefined());
}

async function install(...installed: readonly Manifest[]): Promise<void> {
  for (const definition of installed) await cluster.kube.apply(definition);
  for (const definition of installed) await eventually(() => isServed(definition));
}

async function isServed({ spec }: Manifest): Promise<void> {
  const { group, names, versions } = spec as {
    group: string;
    names: { kind: string };
    versions: { name: string }[];
  };
  await cluster.kube.list({ apiVersion: `${group}/${versions[0]?.name ?? ''}`, kind: names.kind });
}

/** Serves ClusterSPIFFEIDs under another version alone; they are stored as before. */
async function serveOutputsAs(version: string): Promise<void> {
  const { versions } = outputs.spec as { versions: { name: string }[] };
  await cluster.kube.apply({
    ...outputs,
    spec: {
      ...(outputs.spec as object),
      versions: versions.flatMap((known) => [
        { ...known, served: false },
        { ...known, name: version, storage: false },
      ]),
    },
  });
  await eventually(() => listOutputsAs(version));
  await eventually(() => expect(isServed(outputs)).rejects.toThrow(expect.objectContaining({ status: 404 })));
}

async function listOutputsAs(version: string): Promise<Stored[]> {
  return await cluster.kube.list({ apiVersion: `spire.spiffe.io/${version}`, kind: 'ClusterSPIFFEID' });
}

/** Asks reconcile itself, and not by way of the Broker, which would ask again. */
async function reconcile(namespace: string, ...names: string[]): Promise<{ status: number; text: string }> {
  const event = toBindingsAffected({
    from: 'test',
    cause: { id: randomUUID() },
    bindings: [{ namespace, names }],
  });
  const { headers, body } = HTTP.binary(event);
  const response = await fetch(stack.urls['reconcile'] ?? '', {
    method: 'POST',
    headers: headers as Record<string, string>,
    body: String(body),
  });
  return { status: response.status, text: await response.text() };
}

afterEach(async () => {
  await install(pools, oldPools, objectives, oldObjectives, outputs);
});

describe('without the CRD', () => {
  test('of pools, a binding says which CRD is missing and recovers when it is installed', async () => {
    await remove(pools, oldPools);
    const here = await cluster.namespace();
    await here.create(poolBinding());
    expect(await here.refused('binding-a', 'InvalidRef', 'InferencePoolCRDMissing')).toBe(
      'InferencePool CRD is not installed',
    );
    await install(pools);
    await here.create(pool());
    await here.ready('binding-a');
  });

  test('of one group of pools, pools of the other are found', async () => {
    await remove(pools);
    const here = await cluster.namespace();
    await here.create(poolBinding());
    await here.refused('binding-a', 'InvalidRef', 'TargetPoolNotFound');
    await here.create(oldPool());
    await here.ready('binding-a');
  });

  test('of objectives, only the bindings that need one are refused', async () => {
    await remove(objectives, oldObjectives);
    const here = await cluster.namespace();
    await here.create(pool(), binding(), poolBinding('binding-b'));
    expect(await here.refused('binding-a', 'InvalidRef', 'InferenceObjectiveCRDMissing')).toBe(
      'InferenceObjective CRD is not installed',
    );
    await here.ready('binding-b');
    await install(objectives);
    await here.create(objective());
    await here.ready('binding-a');
  });

  test('of one group of objectives, objectives of the other are found', async () => {
    await remove(objectives);
    const here = await cluster.namespace();
    await here.create(pool(), oldObjective(), binding());
    await here.ready('binding-a');
    expect((await here.status('binding-a')).observed?.objective?.group).toBe('inference.networking.x-k8s.io');
  });

  test('of all groups of objectives but the documented one, objectives of that are found', async () => {
    await remove(objectives, oldObjectives);
    await install(documentedObjectives);
    const here = await cluster.namespace();
    await here.create(pool(), binding(), {
      ...objective(),
      apiVersion: 'inference.networking.k8s.io/v1',
    });
    await here.ready('binding-a');
    await remove(documentedObjectives);
    stack.sweep();
    await here.refused('binding-a', 'InvalidRef', 'InferenceObjectiveCRDMissing');
  });

  test.each([
    [
      'another namespace',
      { name: 'pool-a', namespace: 'elsewhere' },
      'cross-namespace poolRef is not allowed',
    ],
    ['no pool at all', {}, 'poolRef.name is not usable'],
    ['a kind that is no text', { name: 'pool-a', kind: 7 }, 'poolRef.kind is not usable'],
    ['a pool by a number', { name: 7 }, 'poolRef.name is not usable'],
  ])('that checks objectives, one that points at %s is refused', async (_case, poolRef, message) => {
    await install(documentedObjectives);
    const here = await cluster.namespace();
    const group = 'inference.networking.k8s.io';
    await here.create(pool(), binding('binding-a', { objectiveRef: { name: 'objective-a', group } }), {
      ...objective(),
      apiVersion: `${group}/v1`,
      spec: { poolRef },
    });
    expect(await here.refused('binding-a', 'InvalidRef', 'InvalidObjectiveRef')).toContain(message);
    await remove(documentedObjectives);
  });

  test('of ClusterSPIFFEIDs, bindings say so and recover when it is installed', async () => {
    await remove(outputs);
    const here = await cluster.namespace();
    await here.create(pool(), poolBinding());
    await eventually(async () => {
      expect(await here.said('binding-a')).toMatchObject({
        Ready: 'False ClusterSPIFFEIDCRDMissing',
        RenderFailure: 'True ClusterSPIFFEIDCRDMissing',
      });
    });
    expect((await here.status('binding-a')).claim).toBeUndefined();
    await install(outputs);
    await here.ready('binding-a');
  });
});

describe('when the CRD is removed', () => {
  test('of pools, bindings are refused', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), poolBinding());
    await here.ready('binding-a');
    await remove(pools, oldPools);
    // A definition that was just installed is watched some seconds later; what is removed before is for the sweep.
    stack.sweep();
    await here.refused('binding-a', 'InvalidRef', 'InferencePoolCRDMissing');
  });

  test('of objectives and installed again, bindings are ready again', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), binding());
    await here.ready('binding-a');
    await remove(objectives);
    stack.sweep();
    await here.refused('binding-a', 'InvalidRef', 'TargetObjectiveNotFound');
    await install(objectives);
    await here.create(objective());
    await here.ready('binding-a');
    await here.delete(objective());
    await here.refused('binding-a', 'InvalidRef', 'TargetObjectiveNotFound');
  });

  test('of ClusterSPIFFEIDs, bindings say so, and one that is deleted still goes', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), poolBinding(), poolBinding('binding-b'));
    await here.ready('binding-a');
    await here.ready('binding-b');
    await remove(outputs);
    stack.sweep();
    await eventually(async () =>
      expect((await here.said('binding-a'))['Ready']).toBe('False ClusterSPIFFEIDCRDMissing'),
    );
    await here.delete(poolBinding('binding-b'));
    await eventually(async () => expect(await here.isGone(poolBinding('binding-b'))).toBe(true));
    await install(outputs);
    await here.ready('binding-a');
  });

  test('of ClusterSPIFFEIDs and another version is installed, bindings stay as they are until the first is back', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), poolBinding(), poolBinding('binding-b'));
    const [first, second] = [await here.ready('binding-a'), await here.ready('binding-b')];
    const live = await here.get(poolBinding());
    await serveOutputsAs('v1beta1');
    await here.delete(poolBinding('binding-b'));

    await eventually(async () =>
      expect(await reconcile(here.name, 'binding-a', 'binding-b')).toEqual({
        status: 503,
        text: expect.stringContaining('clusterspiffeids are served as spire.spiffe.io/v1beta1'),
      }),
    );
    expect(await stack.sweepNow()).toBe(503);
    expect(await here.get(poolBinding())).toEqual(live);
    const { metadata } = await here.get(poolBinding('binding-b'));
    expect(metadata).toMatchObject({
      deletionTimestamp: expect.any(String),
      finalizers: [expect.any(String)],
    });
    const names = (await listOutputsAs('v1beta1')).map((one) => one.metadata.name);
    expect(names).toEqual(expect.arrayContaining([first.metadata.name, second.metadata.name]));

    await install(outputs);
    await reconcile(here.name, 'binding-a', 'binding-b');
    await here.gone('binding-b');
    expect(toWritten(await here.ready('binding-a'))).toEqual(toWritten(first));
  });
});
