import { beforeAll, describe, expect, test } from 'vitest';
import { binding, objective, pool } from '../support/manifests.ts';
import { type Manifest } from '../support/kube-client.ts';
import { eventually, placeLabel } from '../support/test-cluster.ts';
import { installDefinitionsOfOthers } from './definitions-of-others.ts';
import { conditionOf, namespace, openTarget, report, until } from './installed.ts';
import { kubectl, tryKubectl } from './kubectl.ts';
import { type Observed, observe, printObserved } from './observe.ts';

const target = await openTarget();
const { kube } = target;

/** As many as the tests take that follow; made at once, because each new namespace restarts Knative's adapters. */
const places = 140;
const home = 'kleym-test-first';

beforeAll(async () => {
  const found = await kube.get({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  if (found)
    throw new Error(
      `found ${namespace}: these tests install kleym, and remove it; they want a cluster without it`,
    );
  await installDefinitionsOfOthers(kube);
  await kube.apply(breakGlass);
  const names = [home, ...Array.from({ length: places }, (_, index) => `kleym-test-${index}`)];
  for (const name of names) {
    const labels = { [placeLabel]: name === home ? 'home' : 'free' };
    await kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
  }
  for (const object of [pool(), objective(), pool('pool-b'), objective('objective-b', { name: 'pool-b' })])
    await kube.create({ ...object, metadata: { ...object.metadata, namespace: home } });
});

// The admission policies only say who is not stopped by them; that he may do something is said here.
const breakGlass: Manifest = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name: 'kleym-test-break-glass', labels: { [placeLabel]: 'role' } },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
  subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'kleym:break-glass' }],
};

describe('kubectl apply -k of a copy of the example', () => {
  test('is accepted', async () => {
    expect(await target.install()).toContain(`namespace/${namespace} serverside-applied`);
  });

  test('changes nothing the second time', async () => {
    const before = await versions();
    await target.install();
    expect(await versions()).toBe(before);
  });

  test('makes every Service, Broker, Trigger and source Ready', async () => {
    await eventually(async () => expect(await target.unready()).toEqual([]));
  });

  test('exposes no function outside the cluster', async () => {
    const urls = await kubectl(['-n', namespace, 'get', 'ksvc', '-o', 'jsonpath={.items[*].status.url}']);
    expect(urls.split(' ').toSorted()).toEqual(
      ['map-binding', 'map-objective', 'map-output', 'map-pool', 'reconcile', 'sweep'].map(
        (name) => `http://${name}.${namespace}.svc.cluster.local`,
      ),
    );
  });

  test('ends with all functions scaled to zero', async () => {
    await until(async () => (await target.functionPods()).length === 0, 'no function runs');
  });
});

describe('a binding that is applied with kubectl', () => {
  test('is Ready although no function ran before', async () => {
    const observed = await applyAndObserve('cold', { objectiveRef: { name: 'objective-a' } });
    report(printObserved('from zero', observed));
    expect(observed.ready).toBe('True Reconciled');
    expect((await target.functionPods()).length).toBeGreaterThan(0);
  });

  test('is Ready while the functions are warm', async () => {
    const observed = await applyAndObserve('warm', { containerName: 'other' });
    report(printObserved('warm', observed));
    expect(observed.ready).toBe('True Reconciled');
  });

  test('is refused with a message that kubectl shows', async () => {
    const manifest = binding('refused', { containerName: undefined, containerImage: undefined });
    const { code, err } = await tryKubectl(['-n', home, 'apply', '-f', '-'], JSON.stringify(manifest));
    expect(code).toBe(1);
    expect(err).toContain('containerName');
  });

  test('is gone, with its output, when kubectl delete returns', async () => {
    await kubectl(['-n', home, 'delete', 'iib', 'cold', 'warm', '--timeout=600s']);
    const left = await kubectl([
      'get',
      'clusterspiffeid',
      '-l',
      `kleym.sonda.red/binding-namespace=${home}`,
      '-o',
      'name',
    ]);
    expect(left).toBe('');
  });
});

/** The generations of everything that Knative runs for us. */
async function versions(): Promise<string> {
  const each = '{range .items[*]}{.metadata.name} {.metadata.generation}{"\\n"}{end}';
  const kinds = 'ksvc,broker,trigger,apiserversource,pingsource';
  return await kubectl(['-n', namespace, 'get', kinds, '-o', `jsonpath=${each}`]);
}

async function applyAndObserve(name: string, spec: object): Promise<Observed> {
  const manifest = binding(name, spec);
  const apply = () => kubectl(['-n', home, 'apply', '-f', '-'], JSON.stringify(manifest));
  return await observe(target, { namespace: home, name }, apply, (object) => {
    const { status, reason } = conditionOf(object, 'Ready') ?? {};
    return status === 'True' ? `${status} ${reason}` : undefined;
  });
}
