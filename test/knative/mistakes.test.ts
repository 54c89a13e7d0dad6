import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pool, poolBinding } from '../support/manifests.ts';
import type { Stored } from '../support/kube-client.ts';
import { type TestNamespace, eventually, useCluster } from '../support/test-cluster.ts';
import { conditionOf, functionNames, namespace, openTarget, until } from './installed.ts';
import { kubectl } from './kubectl.ts';

const target = await openTarget();
process.env['KLEYM_TEST_INSTALLED'] = 'true';
const cluster = await useCluster();
let here: TestNamespace;
let kept: Stored;

beforeAll(async () => {
  here = await cluster.namespace();
  await here.create(pool(), poolBinding('kept', { serviceAccountName: 'kept' }));
  kept = await here.ready('kept');
});
afterAll(async () => {
  await target.install();
  await until(async () => (await target.unready()).length === 0, 'everything is Ready again');
});

describe('an image that does not exist', () => {
  test('shows in kubectl get pods or ksvc, and in the end in every ksvc', async () => {
    const missing = target.image.replace(/:[^:]+$/, ':is-not-there');
    await target.install({ image: missing });
    // Where Knative asks the registry itself, there are no pods, and the Service knows at once.
    await eventually(async () => {
      const said = [...(await podsSay()), ...Object.values(await servicesSay())];
      expect(said.filter((words) => words.includes(missing))).not.toEqual([]);
    });
    await eventually(async () => {
      const said = await servicesSay();
      expect(Object.keys(said)).toEqual(functionNames);
      for (const [name, words] of Object.entries(said))
        expect(words).toMatch(new RegExp(`^False RevisionFailed Revision "${name}-[0-9]+" failed`));
    });
  });

  test('prevents no identity: the old revisions go on serving', async () => {
    await becomesReady('image');
  });
});

describe('an invalid trust domain', () => {
  test('shows in kubectl get ksvc with the message of the function', async () => {
    await target.install({ trustDomain: 'Not A Domain' });
    await eventually(async () => {
      const { reconcile, sweep } = await servicesSay();
      for (const words of [reconcile, sweep])
        expect(words).toMatch(
          /^False RevisionFailed .*KLEYM_TRUST_DOMAIN is "Not A Domain": trustDomain "Not A Domain" is not a SPIFFE trust domain/,
        );
    });
  });

  test('is in no SPIFFE ID: the old revisions go on with theirs, and the policies refuse new outputs', async () => {
    await here.create(poolBinding('domain', { serviceAccountName: 'domain' }));
    await here.refused('domain', 'RenderFailure', 'OutputRefused');
    expect(await here.status('domain')).toMatchObject({ trustDomain: 'kleym.sonda.red' });
    expect((await here.ready('kept')).metadata.uid).toBe(kept.metadata.uid);
  });

  test('is repaired by applying a valid one', async () => {
    await target.install();
    await here.ready('domain');
  });
});

async function becomesReady(name: string): Promise<void> {
  await here.create(poolBinding(name, { serviceAccountName: name }));
  const { spec } = await here.ready(name);
  expect(spec).toMatchObject({ spiffeIDTemplate: `spiffe://kleym.sonda.red/ns/${here.name}/pool/pool-a` });
  await here.delete(poolBinding(name, { serviceAccountName: name }));
  await here.gone(name);
}

/** What `kubectl get ksvc -o yaml` shows of each: status, reason and message of Ready. */
async function servicesSay(): Promise<Record<string, string>> {
  const { items } = JSON.parse(await kubectl(['-n', namespace, 'get', 'ksvc', '-o', 'json'])) as {
    items: Stored[];
  };
  return Object.fromEntries(
    items.map((item) => {
      const { status, reason = '', message = '' } = conditionOf(item, 'Ready') ?? { status: 'Unknown' };
      return [item.metadata.name, `${status} ${reason} ${message}`.replaceAll('\n', ' ')];
    }),
  );
}

/** What `kubectl get pods` shows of those that cannot start. */
async function podsSay(): Promise<string[]> {
  const pods = await target.functionPods();
  const waiting = pods.flatMap(({ status }) => (status as PodStatus).containerStatuses ?? []);
  return waiting.map(({ image, state }) => `${image} ${state.waiting?.reason ?? ''}`);
}

interface PodStatus {
  readonly containerStatuses?: readonly {
    readonly image: string;
    readonly state: { readonly waiting?: { readonly reason: string } };
  }[];
}
