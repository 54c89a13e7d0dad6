import { describe, expect, test } from 'vitest';
import { binding, objective, output, pool, poolBinding } from '../support/manifests.ts';
import type { ProxiedRequest, Verdict } from '../support/fault-proxy.ts';
import type { Stored } from '../support/kube-client.ts';
import { type TestNamespace, eventually, useCluster } from '../support/test-cluster.ts';

const cluster = await useCluster();
const stack = await cluster.startQuietStack();

/** Gives every namespace rules of its own, so that tests can run side by side. */
const rules = new Map<string, (request: ProxiedRequest) => Verdict>();
stack.proxy.intercept((request) => {
  const rule = [...rules].find(([namespace]) => `${request.path} ${request.body}`.includes(namespace));
  return rule?.[1](request) ?? 'pass';
});

function rule(
  here: TestNamespace,
  decide: (request: ProxiedRequest) => Verdict,
): { lift: () => void; asked: ProxiedRequest[] } {
  const asked: ProxiedRequest[] = [];
  rules.set(here.name, (request) => {
    const verdict = decide(request);
    if (verdict !== 'pass') asked.push(request);
    return verdict;
  });
  return { asked, lift: () => rules.delete(here.name) };
}

function isWriteOf(method: string): (request: ProxiedRequest) => boolean {
  return (request) => request.method === method && request.path.includes('clusterspiffeids');
}

async function nameOfOutput(here: TestNamespace): Promise<Stored> {
  await here.create(pool(), objective(), binding());
  const ours = await here.ready('binding-a');
  await here.delete(binding());
  await here.gone('binding-a');
  return ours;
}

describe.concurrent('a foreign object under the name of our output', () => {
  test('is never changed, and the binding reports OutputNameTaken', async () => {
    const here = await cluster.namespace();
    const { metadata } = await nameOfOutput(here);
    const [foreign] = await here.create(output(metadata.name));
    await here.create(binding());
    const message = await here.refused('binding-a', 'RenderFailure', 'OutputNameTaken');
    expect(message).toBe(
      `ClusterSPIFFEID ${metadata.name} exists and belongs to somebody else: delete it, or give the binding another name`,
    );
    await here.delete(binding());
    await here.gone('binding-a');
    expect((await here.get(output(metadata.name))).metadata).toEqual(foreign?.metadata);
    await here.delete(output(metadata.name));
  });

  test('is replaced by our output after it is deleted and a sweep has run', async () => {
    const here = await cluster.namespace();
    const { metadata } = await nameOfOutput(here);
    await here.create(output(metadata.name), binding());
    await here.refused('binding-a', 'RenderFailure', 'OutputNameTaken');
    await here.delete(output(metadata.name));
    stack.sweep();
    await here.ready('binding-a');
  });

  test('is checked again without a write while it exists', async () => {
    const here = await cluster.namespace();
    const { metadata } = await nameOfOutput(here);
    await here.create(output(metadata.name), binding());
    await here.refused('binding-a', 'RenderFailure', 'OutputNameTaken');
    const before = await here.get(binding());
    const { asked, lift } = rule(here, (request) =>
      isWriteOf('POST')(request) && !request.query.has('dryRun') ? { status: 500, message: 'no' } : 'pass',
    );
    stack.sweep();
    stack.sweep();
    await here.edit(pool(), { metadata: { labels: { touched: 'yes' } } });
    await eventually(async () => expect(await stack.sweepNow()).toBe(200));
    expect(asked).toEqual([]);
    expect((await here.get(binding())).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
    lift();
    await here.delete(output(metadata.name));
  });
});

describe.concurrent('an output that the API server refuses', () => {
  test('is reported as RenderFailure with the message of the server, until it accepts the output', async () => {
    const here = await cluster.namespace();
    const { lift } = rule(here, (request) =>
      isWriteOf('POST')(request)
        ? { status: 422, message: 'denied by policy: ask the platform team' }
        : 'pass',
    );
    await here.create(pool(), objective(), binding());
    expect(await here.refused('binding-a', 'RenderFailure', 'OutputRefused')).toBe(
      'denied by policy: ask the platform team',
    );
    // An Event is written beside the work, and may come a moment after the status.
    await eventually(async () => {
      const said = (await here.events('binding-a')).map((event) => event.said);
      expect(said).toEqual(['Warning OutputRefused']);
    });
    lift();
    stack.sweep();
    await here.ready('binding-a');
  });

  test('is withdrawn if a change of it is refused', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), poolBinding());
    await here.ready('binding-a');
    const { lift } = rule(here, (request) =>
      isWriteOf('PUT')(request) || isWriteOf('POST')(request) ? { status: 422, message: 'denied' } : 'pass',
    );
    await here.edit(pool(), { spec: { selector: { matchLabels: { app: 'next' } } } });
    await here.refused('binding-a', 'RenderFailure', 'OutputRefused');
    lift();
    stack.sweep();
    await here.ready('binding-a');
  });

  test('is tried again if the permission was missing', async () => {
    const here = await cluster.namespace();
    const { lift } = rule(here, (request) =>
      isWriteOf('POST')(request) ? { status: 403, message: 'clusterspiffeids is forbidden' } : 'pass',
    );
    await here.create(pool(), objective(), binding());
    expect(await here.refused('binding-a', 'RenderFailure', 'OutputForbidden')).toBe(
      'clusterspiffeids is forbidden',
    );
    lift();
    await here.ready('binding-a');
  });

  test('does not block its peers', async () => {
    const here = await cluster.namespace();
    const { lift } = rule(here, (request) =>
      isWriteOf('POST')(request) && request.body.includes('-binding-a-')
        ? { status: 422, message: 'denied' }
        : 'pass',
    );
    await here.create(pool(), objective(), binding(), binding('binding-b', { containerName: 'other' }));
    await here.refused('binding-a', 'RenderFailure', 'OutputRefused');
    await here.ready('binding-b');
    lift();
  });
});

describe.concurrent('an API server in trouble', () => {
  test('that cannot say whether the pool exists changes no status until it can', async () => {
    const here = await cluster.namespace();
    const { asked, lift } = rule(here, ({ method, path }) =>
      method === 'GET' && path.includes('/inferencepools/')
        ? { status: 500, message: 'etcd is gone' }
        : 'pass',
    );
    await here.create(pool(), poolBinding());
    await eventually(() => expect(asked.length).toBeGreaterThan(1));
    expect(await here.status('binding-a')).toEqual({});
    lift();
    await here.ready('binding-a');
  });

  test('that answers 500 to a write of a status gets it again', async () => {
    const here = await cluster.namespace();
    const { asked, lift } = rule(here, ({ method, path }) =>
      method === 'PUT' && path.endsWith('/status') ? { status: 500, message: 'etcd is gone' } : 'pass',
    );
    await here.create(poolBinding());
    await eventually(() => expect(asked.length).toBeGreaterThan(0));
    lift();
    await here.refused('binding-a', 'InvalidRef', 'TargetPoolNotFound');
  });

  test('that cannot be written to while a finalizer is taken off by hand leaves no output behind', async () => {
    const here = await cluster.namespace();
    await here.create(pool(), poolBinding());
    await here.ready('binding-a');
    const { lift } = rule(here, ({ method, path, body }) =>
      method === 'PATCH' && path.includes('/binding-a') && body.includes('finalizers')
        ? 'cut before'
        : 'pass',
    );
    await here.edit(poolBinding(), { metadata: { finalizers: null } });
    await here.delete(poolBinding());
    lift();
    stack.sweep();
    await here.gone('binding-a');
  });

  test('that refuses Kubernetes Events does not prevent an identity', async () => {
    const here = await cluster.namespace();
    const { asked } = rule(here, ({ path }) =>
      path.includes('/events') ? { status: 403, message: 'namespace is being terminated' } : 'pass',
    );
    await here.create(pool(), poolBinding());
    await here.ready('binding-a');
    // The Event comes after the status that it is about.
    await eventually(() => expect(asked.length).toBeGreaterThan(0));
    expect(await here.events('binding-a')).toEqual([]);
  });

  test('whose answer to a create is lost gets no second create', async () => {
    const here = await cluster.namespace();
    let creates = 0;
    rule(here, (request) => {
      if (!isWriteOf('POST')(request)) return 'pass';
      creates++;
      return creates === 1 ? 'cut after' : 'pass';
    });
    await here.create(pool(), objective(), binding());
    const { metadata } = await here.ready('binding-a');
    expect(creates).toBe(1);
    expect((await here.status('binding-a')).claim).toMatchObject({ kind: 'owning', uid: metadata.uid });
  });
});
