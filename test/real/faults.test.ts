import { writeFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { afterAll, afterEach, describe, expect, onTestFailed, onTestFinished, test } from 'vitest';
import { findReady } from '../../shared/api/conditions.ts';
import { binding, objective, output, pool, poolBinding } from '../support/manifests.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import type { Manifest } from '../support/kube-client.ts';
import { readManifests, rolesOfAccounts } from '../support/kustomization.ts';
import { readDefinitions } from '../../local/crds/definitions.ts';
import {
  type TestNamespace,
  eventually,
  installDefinition,
  refusedBy,
  useCluster,
} from '../support/test-cluster.ts';
import { createRandom } from '../support/random.ts';
import { startControlPlane } from './control-plane.ts';
import { readWorld, untilStable } from './read-world.ts';
import { openKeptProcesses } from './kept-processes.ts';
import { type StackProcess, createStackProcess } from './stack-process.ts';

const controlPlane = await startControlPlane();
afterAll(() => controlPlane.stop());
const processes = await openKeptProcesses('kleym-faults');
afterAll(() => processes.end());
const cluster = await useCluster(controlPlane.kubeconfigFile);
const { kube } = cluster;

const patienceMs = 40_000;
/** What a stack watches where every definition is installed: bindings, outputs, two kinds of pools and two of objectives. */
const watched = 6;

let stacks: StackProcess[] = [];
afterEach(async () => {
  // A stack looks after all namespaces, so none outlives its test.
  for (const stack of stacks) await stack.kill();
  stacks = [];
});

/** A stack on the API server itself: its TLS, its tokens, its broken connections. */
async function startStack(kubeconfig = controlPlane.kubeconfigFile, sweepSeconds = 2): Promise<StackProcess> {
  const name = `stack-${stacks.length + 1}-${Math.round(performance.now())}`;
  const stack = createStackProcess(processes, { name, kubeconfig, sweepSeconds });
  stacks.push(stack);
  onTestFailed(async () => void process.stderr.write(`${name}:\n${await stack.tail()}\n`));
  await stack.start();
  return stack;
}

/** Bindings of all sorts: alone, in each other's way, of whole pools, of nothing. */
async function fill(here: TestNamespace, count: number): Promise<void> {
  await here.create(
    pool(),
    objective(),
    pool('pool-b', { app: 'b' }),
    objective('objective-b', { name: 'pool-b' }),
  );
  for (let index = 0; index < count; index += 1) {
    const name = `binding-${index}`;
    const spec = [
      binding(name, { containerName: `own-${index}` }),
      binding(name, { containerName: `pair-${Math.floor(index / 6)}` }),
      poolBinding(name),
      binding(name, { containerName: `pair-${Math.floor(index / 6)}` }),
      binding(name, {
        poolRef: { name: 'pool-b' },
        objectiveRef: { name: 'objective-b' },
        containerName: `own-${index}`,
      }),
      poolBinding(name, { poolRef: { name: 'nowhere' } }),
    ][index % 6];
    await here.create(spec ?? binding(name));
  }
}

async function outputsAtLeast(here: TestNamespace, count: number): Promise<void> {
  await eventually(
    async () => expect((await here.outputs()).length).toBeGreaterThanOrEqual(count),
    patienceMs,
  );
}

/**
 * Waits until a namespace is as it should be. A POST whose answer was lost may land for two minutes, and its binding
 * waits as long; nobody has to sit that out, so in the end a stack looks that believes it to be over.
 */
async function comesToRest(here: TestNamespace): Promise<{ waited: number }> {
  let waiting = 0;
  await eventually(async () => {
    const { bindings } = await readWorld(kube, here.name);
    waiting = bindings.filter(({ status }) => status?.claim?.kind === 'creating').length;
    if (waiting === 0) await untilStable(kube, here.name, { patienceMs: 0 });
    // Whoever is in the way of such a claim waits as well; the others must be done.
    const pending = bindings.filter(({ metadata, status }) => {
      const ready = findReady(status);
      return ready?.observedGeneration !== metadata.generation || ready?.status === 'Unknown';
    });
    if (pending.length > waiting * 2)
      throw new Error(`still under way: ${pending.map(({ metadata }) => metadata.name).join(', ')}`);
  }, patienceMs);
  if (waiting === 0) return { waited: 0 };

  for (const stack of stacks) await stack.kill();
  const proxy = await startFaultProxy(cluster.kubeConfig);
  onTestFinished(() => proxy.close());
  proxy.advanceClock(200_000);
  await startStack(await processes.writeKubeconfig(`late-${here.name}`, proxy.kubeConfig.exportConfig()));
  await untilStable(kube, here.name, { patienceMs });
  return { waited: waiting };
}

describe('an API server', () => {
  test('that is killed and restarted twice during the work leaves nothing undone', async () => {
    const here = await cluster.namespace();
    const stack = await startStack();
    await stack.watching(watched);
    await fill(here, 18);
    for (const round of [1, 2]) {
      await outputsAtLeast(here, round * 2);
      await controlPlane.kill();
      await sleep(700);
      await controlPlane.restart();
      await here.edit(pool(), { spec: { selector: { matchLabels: { app: `round-${round}` } } } });
      await here.edit(binding('binding-0'), { spec: { containerName: `round-${round}` } });
      await here.delete(binding(`binding-${round * 6}`));
    }
    const { waited } = await comesToRest(here);
    process.stderr.write(`killed: ${waited} claims had to be waited for\n`);
  }, 120_000);

  test('that stops answering for 15 s during the work leaves nothing undone', async () => {
    const here = await cluster.namespace();
    const stack = await startStack();
    await stack.watching(watched);
    await fill(here, 12);
    await outputsAtLeast(here, 2);
    await here.edit(pool(), { spec: { selector: { matchLabels: { app: 'next' } } } });
    controlPlane.freeze();
    await sleep(15_000);
    controlPlane.thaw();
    await here.delete(binding('binding-1'));
    await here.edit(binding('binding-0'), { spec: { containerName: 'thawed' } });
    const { waited } = await comesToRest(here);
    process.stderr.write(`frozen: ${waited} claims had to be waited for\n`);
  }, 120_000);
});

describe('a stack', () => {
  test('that is killed at random moments converges once it is left alone', async () => {
    const here = await cluster.namespace();
    const random = createRandom(Number(process.env['KLEYM_STORM_SEED'] || 7));
    const stack = await startStack();
    await stack.watching(watched);
    await fill(here, 12);
    const kills = 8;
    for (let round = 0; round < kills; round += 1) {
      const at = (offset: number) => `binding-${(round * 5 + offset) % 12}`;
      await here.edit(pool(), { spec: { selector: { matchLabels: { app: `round-${round}` } } } });
      // One that was still being deleted when it was to be created again is gone by now.
      if (await here.isGone(binding(at(0)))) await here.create(poolBinding(at(0)));
      await here.edit(binding(at(0)), { spec: { serviceAccountName: `sa-${round % 2}` } });
      await here.delete(binding(at(1)));
      await sleep(random(150));
      await stack.kill();
      await here.create(poolBinding(at(1))).catch(() => undefined);
      await stack.start();
      // Once it hears events it is killed in the middle of what they say, and now and then before.
      if (round % 3 > 0) await stack.watching(watched);
      else await sleep(random(1500));
    }
    await comesToRest(here);
  }, 120_000);
});

const needed = async () => (await readDefinitions()).map((text) => parse(text) as Manifest);
const pick = (all: readonly Manifest[], part: string) =>
  all.filter(({ metadata }) => metadata.name.startsWith(part));

async function remove(definitions: readonly Manifest[]): Promise<void> {
  for (const definition of definitions) await kube.delete(definition);
  for (const definition of definitions)
    await eventually(async () => expect(await kube.get(definition)).toBeUndefined());
}

async function install(definitions: readonly Manifest[]): Promise<void> {
  for (const definition of definitions) await installDefinition(kube, definition);
}

async function says(here: TestNamespace, name: string, ready: string): Promise<void> {
  await eventually(async () => expect((await here.said(name))['Ready']).toBe(ready), patienceMs);
}

describe('definitions', () => {
  test('that are installed one by one are waited for, each with its own message', async () => {
    const all = await needed();
    const [pools, objectives, outputs] = [
      pick(all, 'inferencepools'),
      pick(all, 'inferenceobjectives'),
      pick(all, 'clusterspiffeids'),
    ];
    await remove([...pools, ...objectives, ...outputs]);
    const here = await cluster.namespace();
    await here.create(binding(), poolBinding('whole-pool'));
    await startStack();
    await says(here, 'binding-a', 'False InferencePoolCRDMissing');
    await install(pools);
    await here.create(pool());
    await says(here, 'binding-a', 'False InferenceObjectiveCRDMissing');
    await says(here, 'whole-pool', 'False ClusterSPIFFEIDCRDMissing');
    await install(objectives);
    await here.create(objective());
    await says(here, 'binding-a', 'False ClusterSPIFFEIDCRDMissing');
    await install(outputs);
    await here.ready('binding-a');
    await here.ready('whole-pool');

    await remove(outputs);
    await says(here, 'binding-a', 'False ClusterSPIFFEIDCRDMissing');
    await here.delete(poolBinding('whole-pool'));
    await eventually(async () => expect(await here.isGone(poolBinding('whole-pool'))).toBe(true));
    await install(outputs);
    const { metadata } = await here.ready('binding-a');

    await remove(objectives);
    await says(here, 'binding-a', 'False InferenceObjectiveCRDMissing');
    expect(await here.outputs()).toEqual([]);
    await install(objectives);
    await here.create(objective());
    expect((await here.ready('binding-a')).metadata.name).toBe(metadata.name);
  }, 120_000);
});

const account = {
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name: 'stack', namespace: 'kleym-system' },
};

/** A token that is worth nothing any more when its Secret is gone: no API server makes one for less than ten minutes. */
async function requestToken(secret: string): Promise<string> {
  await kube.create({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: secret, namespace: 'kleym-system' },
  });
  const response = await fetch(`${cluster.url}/api/v1/namespaces/kleym-system/serviceaccounts/stack/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      spec: {
        expirationSeconds: 600,
        boundObjectRef: { apiVersion: 'v1', kind: 'Secret', name: secret },
      },
    }),
  });
  const { status } = (await response.json()) as { status: { token?: string } };
  if (status.token === undefined) throw new Error(`no token: the API server answered ${response.status}`);
  return status.token;
}

/** As kubelet does it: the file is never half written. */
async function writeToken(file: string, token: string): Promise<void> {
  await writeFile(`${file}.next`, `${token}\n`, { mode: 0o600 });
  await rename(`${file}.next`, file);
}

async function prepareAccount(): Promise<void> {
  await kube.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kleym-system' } });
  await kube.apply(account);
  for (const role of rolesOfAccounts(readManifests('base'))) {
    await kube.apply(role);
    await kube.apply({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: `stack-${role.metadata.name}` },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role.metadata.name },
      subjects: [
        { kind: 'ServiceAccount', name: account.metadata.name, namespace: account.metadata.namespace },
      ],
    });
  }
}

describe('a token file', () => {
  test.each([
    ['of a kubeconfig', (file: string) => ({ tokenFile: file })],
    ['of a pod', (file: string) => ({ 'auth-provider': { name: 'tokenFile', config: { tokenFile: file } } })],
  ])(
    '%s that is rotated is read again',
    async (_case, toUser) => {
      await prepareAccount();
      const here = await cluster.namespace();
      const file = join(processes.folder, `${here.name}.token`);
      await writeToken(file, await requestToken(`${here.name}-1`));
      const { users: _admin, ...config } = parse(controlPlane.kubeconfig) as { users: { name: string }[] };
      const kubeconfig = `${file}.kubeconfig`;
      await writeFile(
        kubeconfig,
        stringify({ ...config, users: [{ name: 'kleym-test', user: toUser(file) }] }),
      );

      // No sweep comes to their help: the sources must see what happens, and the functions do what follows from it.
      await startStack(kubeconfig, 86_400);
      await here.create(pool(), objective(), binding());
      await here.ready('binding-a');
      for (const round of [2, 3]) {
        await writeToken(file, await requestToken(`${here.name}-${round}`));
        await kube.delete({
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { name: `${here.name}-${round - 1}`, namespace: 'kleym-system' },
        });
        // It remembers for a while whom it believed; all connections are new now, too.
        await controlPlane.restart();
        await here.create(poolBinding(`binding-${round}`));
        await here.ready(`binding-${round}`);
      }
    },
    120_000,
  );
});

describe('an output that the API server truly refuses', () => {
  test('because of a policy is reported as RenderFailure with its message, and is created when the policy is removed', async () => {
    const here = await cluster.namespace();
    const admission = {
      apiVersion: 'admissionregistration.k8s.io/v1',
      metadata: { name: `refuse-${here.name}` },
    };
    const policy: Manifest = {
      ...admission,
      kind: 'ValidatingAdmissionPolicy',
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: {
          resourceRules: [
            {
              apiGroups: ['spire.spiffe.io'],
              apiVersions: ['*'],
              operations: ['CREATE', 'UPDATE'],
              resources: ['clusterspiffeids'],
            },
          ],
        },
        validations: [
          { expression: `object.spec.hint != '${here.name}/binding-a'`, message: 'ask the platform team' },
        ],
      },
    };
    const attachment: Manifest = {
      ...admission,
      kind: 'ValidatingAdmissionPolicyBinding',
      spec: { policyName: admission.metadata.name, validationActions: ['Deny'] },
    };
    await kube.create(policy);
    await kube.create(attachment);
    // A policy is in force a moment after it was written.
    const probe = output(`probe-${here.name}`, { hint: `${here.name}/binding-a` });
    await eventually(async () => {
      const answer = await kube.create(probe).then(() => 'taken', String);
      if (answer === 'taken') await kube.delete(probe);
      expect(answer).toContain('ask the platform team');
    });
    await here.create(pool(), objective(), binding(), binding('binding-b', { containerName: 'other' }));
    await startStack();
    await here.ready('binding-b');
    const message = await here.refused('binding-a', 'RenderFailure', 'OutputRefused');
    expect(message).toContain('ask the platform team');

    await kube.delete(attachment);
    await here.ready('binding-a');
    // A change that is refused withdraws what was there before.
    await kube.create(attachment);
    await eventually(async () =>
      expect(await kube.create(probe).then(async () => kube.delete(probe), String)).toContain('ask'),
    );
    await here.edit(pool(), { spec: { selector: { matchLabels: { app: 'next' } } } });
    await here.refused('binding-a', 'RenderFailure', 'OutputRefused');
    await kube.delete(attachment);
    await kube.delete(policy);
    await here.ready('binding-a');
  }, 90_000);

  test('because of a missing permission is reported, and is created when the permission is granted', async () => {
    const here = await cluster.namespace();
    const roles = rolesOfAccounts(readManifests('base'));
    const role = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: here.name },
    };
    const rules = roles.flatMap((one) => one['rules'] as { resources: string[]; verbs: string[] }[]);
    const withoutCreate = rules.map((rule) =>
      rule.resources.includes('clusterspiffeids')
        ? { ...rule, verbs: rule.verbs.filter((verb) => verb !== 'create') }
        : rule,
    );
    await kube.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kleym-system' } });
    await kube.create({ ...role, rules: withoutCreate });
    await kube.create({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: here.name, namespace: 'kleym-system' },
    });
    await kube.create({
      ...role,
      kind: 'ClusterRoleBinding',
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: here.name },
      subjects: [{ kind: 'ServiceAccount', name: here.name, namespace: 'kleym-system' }],
    });
    const response = await fetch(
      `${cluster.url}/api/v1/namespaces/kleym-system/serviceaccounts/${here.name}/token`,
      {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}',
      },
    );
    const { status } = (await response.json()) as { status: { token: string } };
    const kubeconfig = join(processes.folder, `${here.name}.kubeconfig`);
    await writeFile(kubeconfig, controlPlane.kubeconfigFor(status.token), { mode: 0o600 });
    await here.create(pool(), objective(), binding());
    await startStack(kubeconfig);
    await eventually(async () => {
      expect(await here.said('binding-a')).toEqual(refusedBy('RenderFailure', 'OutputForbidden'));
    });
    const { conditions } = await here.status('binding-a');
    expect(conditions?.[0]?.message).toContain('cannot create resource "clusterspiffeids"');
    await kube.edit(role, { rules });
    await here.ready('binding-a');
  }, 90_000);
});
