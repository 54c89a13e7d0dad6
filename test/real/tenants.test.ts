import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bindingFinalizer } from '../../shared/api/binding.ts';
import { type Answer, type Manifest, type Stored, toListPath, toPath } from '../support/kube-client.ts';
import { binding } from '../support/manifests.ts';
import { type InstalledKleym, admissionPolicies, installKleym } from './installed-kleym.ts';

let kleym: InstalledKleym;

/** The members of a team, each bound to a role that every cluster has. */
const members = { view: { user: 'vera' }, edit: { user: 'edo' }, admin: { user: 'ada' } };
type Role = keyof typeof members;
const roles = Object.keys(members) as Role[];

beforeAll(async () => {
  kleym = await installKleym();
  for (const name of ['team-a', 'team-b'])
    await kleym.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  // From the narrowest to the widest, because each is a part of the next.
  for (const role of roles) await aggregate(role);
  for (const role of roles) {
    await kleym.create({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: role, namespace: 'team-a' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: members[role].user }],
    });
  }
});

afterAll(async () => {
  await kleym.plane.stop();
});

/** Does by the role's own selectors what the controller of aggregated roles does, which does not run here. */
async function aggregate(name: string): Promise<void> {
  const path = '/apis/rbac.authorization.k8s.io/v1/clusterroles';
  const { aggregationRule } = (await kleym.must({ method: 'GET', path: `${path}/${name}` })) as Stored & {
    aggregationRule: { clusterRoleSelectors: { matchLabels: Record<string, string> }[] };
  };
  const rules: unknown[] = [];
  for (const { matchLabels } of aggregationRule.clusterRoleSelectors) {
    const selector = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
    const { items } = (await kleym.must({
      method: 'GET',
      path: `${path}?labelSelector=${encodeURIComponent(selector.join(','))}`,
    })) as Stored & { items: { rules: unknown[] | null }[] };
    rules.push(...items.flatMap((one) => one.rules ?? []));
  }
  await kleym.must({ method: 'PATCH', path: `${path}/${name}`, content: { rules } });
}

const inTeam = (name: string, namespace = 'team-a'): Manifest => {
  const object = binding(name);
  return { ...object, metadata: { ...object.metadata, namespace } };
};

function patch(object: Manifest, content: object, role: Role, subresource = ''): Promise<Answer> {
  return kleym.ask({ method: 'PATCH', path: `${toPath(object)}${subresource}`, content, ...members[role] });
}

const forbidden = expect.objectContaining({ status: 403 });
const done = expect.objectContaining({ status: expect.toSatisfy((status: number) => status < 300) });

async function untilPoliciesAreGone(): Promise<void> {
  for (const policy of admissionPolicies) await kleym.must({ method: 'DELETE', path: toPath(policy) });
  const held = await kleym.create(withFinalizer('probe'));
  for (let tries = 1; tries <= 150; tries += 1) {
    const answer = await kleym.ask({
      method: 'PATCH',
      path: toPath(held),
      content: { metadata: { finalizers: null } },
    });
    if (answer.status === 200) return;
    await sleep(100);
  }
  throw new Error('the admission policies are still in force');
}

function withFinalizer(name: string): Manifest {
  const object = inTeam(name);
  return { ...object, metadata: { ...object.metadata, finalizers: [bindingFinalizer] } };
}

// RBAC knows no part of an object: without the policies nothing keeps an editor off the finalizer.
describe.each([
  { policies: 'with', finalizerOff: 422 },
  { policies: 'without', finalizerOff: 200 },
])('$policies the admission policies', ({ policies, finalizerOff }) => {
  beforeAll(async () => {
    if (policies === 'without') await untilPoliciesAreGone();
  });

  test.each(roles)('%s reads the bindings of its namespace, and no others', async (role) => {
    const stored = await kleym.create(inTeam(`read-${role}-${policies}`));
    const get = (path: string) => kleym.ask({ method: 'GET', path, ...members[role] });
    expect(await get(toPath(stored))).toEqual(done);
    expect(await get(toListPath(stored))).toEqual(done);
    expect(await get(toListPath(inTeam('any', 'team-b')))).toEqual(forbidden);
    expect(await get('/apis/kleym.sonda.red/v1alpha1/inferenceidentitybindings')).toEqual(forbidden);
  });

  test('view writes no binding', async () => {
    const stored = await kleym.create(inTeam(`seen-${policies}`));
    const create = { method: 'POST', path: toListPath(stored), content: inTeam('new') } as const;
    expect(await kleym.ask({ ...create, ...members.view })).toEqual(forbidden);
    expect(await patch(stored, { spec: { containerName: 'other' } }, 'view')).toEqual(forbidden);
    expect(await kleym.ask({ method: 'DELETE', path: toPath(stored), ...members.view })).toEqual(forbidden);
  });

  test.each(['edit', 'admin'] as const)('%s creates, changes and deletes bindings', async (role) => {
    const object = inTeam(`own-${role}-${policies}`);
    const who = members[role];
    const path = toPath(object);
    expect(await kleym.ask({ method: 'POST', path: toListPath(object), content: object, ...who })).toEqual(
      done,
    );
    expect(await patch(object, { spec: { containerName: 'other' } }, role)).toEqual(done);
    const { object: read } = await kleym.ask({ method: 'GET', path, ...who });
    expect(await kleym.ask({ method: 'PUT', path, content: read, ...who })).toEqual(done);
    expect(await kleym.ask({ method: 'DELETE', path, ...who })).toEqual(done);
  });

  test.each(['edit', 'admin'] as const)('%s writes no bindings of another namespace', async (role) => {
    const object = inTeam('foreign', 'team-b');
    const create = { method: 'POST', path: toListPath(object), content: object } as const;
    expect(await kleym.ask({ ...create, ...members[role] })).toEqual(forbidden);
  });

  test.each(roles)('%s writes neither the status nor an output', async (role) => {
    const stored = await kleym.create(inTeam(`status-${role}-${policies}`));
    expect(await patch(stored, { status: { keyDigest: 'x' } }, role, '/status')).toEqual(forbidden);
    expect(await patch(stored, { metadata: { finalizers: null } }, role, '/finalizers')).toEqual(forbidden);
    const outputs = '/apis/spire.spiffe.io/v1alpha1/clusterspiffeids';
    expect(await kleym.ask({ method: 'GET', path: outputs, ...members[role] })).toEqual(forbidden);
  });

  test.each(['edit', 'admin'] as const)(
    `%s who takes the finalizer off is answered ${finalizerOff}`,
    async (role) => {
      const stored = await kleym.create(withFinalizer(`held-${role}-${policies}`));
      const answer = await patch(stored, { metadata: { finalizers: null } }, role);
      expect(answer.status).toBe(finalizerOff);
    },
  );
});
