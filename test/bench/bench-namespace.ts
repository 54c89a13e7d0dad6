import { Binding, bindingFinalizer } from '../../shared/api/binding.ts';
import { conditionTypes } from '../../shared/api/condition-types.ts';
import { toConditions, toUnevaluated } from '../../shared/api/conditions.ts';
import { Objective } from '../../shared/api/objective.ts';
import { Pool } from '../../shared/api/pool.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import { binding, objective, pool, poolBinding } from '../support/manifests.ts';
import { exampleSettings } from '../support/inference.ts';
import type { Manifest, Stored } from '../support/kube-client.ts';
import { type Course, plan } from './at-rest.ts';
import { type BareClient, atOnce } from './bare-client.ts';
import type { BareReads } from './bare-reads.ts';
import { forEach, range } from './figures.ts';

/** A binding that may be created, with what it refers to, which is there already. */
export interface Prepared {
  readonly manifest: Manifest;
  readonly pool: Stored;
  readonly objective: Stored | undefined;
}

export async function createNamespace(client: BareClient, name: string): Promise<void> {
  await client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
}

/** Bindings with a pool and an objective each, which all ask for the container `main` of one service account. */
export async function prepareOwnPools(
  client: BareClient,
  namespace: string,
  names: readonly string[],
): Promise<Prepared[]> {
  const prepared: Prepared[] = [];
  await forEach(names, atOnce, async (name) => {
    const stored = {
      pool: await client.create(inside(namespace, pool(name, { app: name }))),
      objective: await client.create(inside(namespace, objective(name, { name }))),
    };
    const references = { poolRef: { name }, objectiveRef: { name } };
    prepared.push({ manifest: inside(namespace, binding(name, references)), ...stored });
  });
  return prepared;
}

/** Bindings of one pool and one service account: every other one PerObjective, with a container of its own. */
export async function prepareOnePool(
  client: BareClient,
  namespace: string,
  size: number,
): Promise<Prepared[]> {
  const shared = await client.create(inside(namespace, pool('pool', { app: 'one' })));
  const prepared: Prepared[] = [];
  await forEach(range(size), atOnce, async (index) => {
    const name = `b-${index}`;
    if (index % 2 === 1) {
      const manifest = inside(namespace, poolBinding(name, { poolRef: { name: 'pool' } }));
      prepared.push({ manifest, pool: shared, objective: undefined });
      return;
    }
    const stored = await client.create(inside(namespace, objective(name, { name: 'pool' })));
    const spec = { poolRef: { name: 'pool' }, objectiveRef: { name }, containerName: `c-${index}` };
    prepared.push({ manifest: inside(namespace, binding(name, spec)), pool: shared, objective: stored });
  });
  return prepared;
}

export function inside(namespace: string, manifest: Manifest): Manifest {
  return { ...manifest, metadata: { ...manifest.metadata, namespace } };
}

/** What the protocol would write for a binding that the API server has just stored. */
function planFor(stored: Stored, prepared: Prepared, settings: Settings): Course {
  return plan(
    {
      binding: Binding.parse(stored),
      pool: Pool.parse(prepared.pool),
      objective: prepared.objective && Objective.parse(prepared.objective),
    },
    settings,
  );
}

const outputType = { apiVersion: 'spire.spiffe.io/v1alpha1', kind: 'ClusterSPIFFEID' };

/** Puts a binding there as if the product had been at work, in as few writes as can be. */
export async function createAtRest(
  client: BareClient,
  prepared: Prepared,
  settings: Settings = exampleSettings,
): Promise<void> {
  const { manifest } = prepared;
  const finalizers = [bindingFinalizer];
  const stored = await client.create({ ...manifest, metadata: { ...manifest.metadata, finalizers } });
  const { output, confirmed } = planFor(stored, prepared, settings);
  const { metadata } = await client.create({ ...outputType, ...output });
  await client.replaceStatus({ ...stored, status: confirmed(metadata.uid) });
}

/** What the floor has created. */
export interface Created {
  readonly prepared: Prepared;
  readonly binding: Stored;
  readonly output: Stored;
}

/** The writes of the protocol for a new binding, one after the other, and nothing is read but what is said. */
export async function createBare(
  client: BareClient,
  prepared: Prepared,
  reads?: BareReads,
): Promise<Created> {
  const stored = await client.create(prepared.manifest);
  await reads?.binding(stored);
  const { finalizer, announced, output, confirmed } = planFor(stored, prepared, exampleSettings);
  const { resourceVersion } = stored.metadata;
  const metadata = { resourceVersion, finalizers: [finalizer] };
  const [held] = await Promise.all([client.patch(stored, { metadata }), reads?.sources(stored)]);
  const told = await client.replaceStatus({ ...held, status: announced });
  await reads?.others(told);
  const created = await client.create({ ...outputType, ...output });
  const binding = await client.replaceStatus({ ...told, status: confirmed(created.metadata.uid) });
  return { prepared, binding, output: created };
}

/** The writes of the protocol when the pool of a binding has changed; people are told where there was an announcement. */
export async function moveBare(
  client: BareClient,
  { prepared, binding, output }: Created,
  pool: Stored,
): Promise<void> {
  const moved = planFor({ ...binding, status: undefined }, { ...prepared, pool }, exampleSettings);
  let seen = binding;
  // A key is announced before its output moves; without an objective there is no key.
  if (prepared.objective) seen = await client.replaceStatus({ ...seen, status: moved.announced });
  const metadata = { ...output.metadata, ...moved.output.metadata };
  await client.replace({ ...output, metadata, spec: moved.output.spec });
  await client.replaceStatus({ ...seen, status: moved.confirmed(output.metadata.uid) });
  if (prepared.objective) await announceBare(client, binding, 'moved');
}

/** The writes of the protocol for a new binding that is refused. */
export async function refuseBare(client: BareClient, { manifest }: Prepared): Promise<void> {
  const stored = await client.create(manifest);
  const { resourceVersion, generation = 1 } = stored.metadata;
  const held = await client.patch(stored, { metadata: { resourceVersion, finalizers: [bindingFinalizer] } });
  const findings = conditionTypes.map((type) => toUnevaluated(type, 'NotEvaluated'));
  const conditions = toConditions(findings, [], generation, new Date().toISOString());
  const told = { ...held, status: { observedGeneration: generation, conditions } };
  await announceBare(client, await client.replaceStatus(told), 'refused');
}

/** The Kubernetes Event that tells people. */
export async function announceBare(client: BareClient, stored: Stored, suffix: string): Promise<void> {
  const { name, namespace, uid } = stored.metadata;
  await client.create({
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: `${name}.${suffix}`, ...(namespace !== undefined && { namespace }) },
    eventTime: new Date().toISOString().replace('Z', '000Z'),
    reportingController: 'kleym.sonda.red/bench',
    reportingInstance: 'bench',
    action: 'Reconciled',
    reason: 'Reconciled',
    type: 'Normal',
    note: 'reconciled ClusterSPIFFEID "kleym-of-a-bench"',
    regarding: { apiVersion: stored.apiVersion, kind: stored.kind, name, namespace, uid },
  });
}
