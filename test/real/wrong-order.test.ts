import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasKubectl } from '@kleym/kube-api/contract/has-kubectl';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startBroker } from '../../local/eventing/broker.ts';
import { toPingEvent } from '../../local/eventing/ping-event.ts';
import { readWiring } from '../../local/eventing/wiring.ts';
import { bindingFinalizer } from '../../shared/api/binding.ts';
import { binding, objective, output, pool, poolBinding } from '../support/manifests.ts';
import { type Manifest, type Stored, toPath } from '../support/kube-client.ts';
import { findManifest, manifestsFolder, readExample } from '../support/kustomization.ts';
import { type TestNamespace, eventually, useCluster } from '../support/test-cluster.ts';
import { startBundledFunctions } from './bundled-functions.ts';
import { type InstalledKleym, installKleym, outputsPath, untilInForce } from './installed-kleym.ts';
import { openKeptProcesses } from './kept-processes.ts';

// kleym is removed before its bindings are, and docs/operate.md knows two ways out. The bundles run with their own
// accounts, under the roles and the policies of the manifests; what a person types is taken from the document.

const kleym: InstalledKleym = await installKleym();
afterAll(() => kleym.plane.stop());
const cluster = await useCluster(kleym.plane.kubeconfigFile);
const { kube } = cluster;
const here: TestNamespace = await cluster.namespace();
const manifests = readExample().filter(({ apiVersion }) => !apiVersion.includes('knative'));
const namespace = findManifest(manifests, 'Namespace', 'kleym-system');
const definition = findManifest(
  manifests,
  'CustomResourceDefinition',
  'inferenceidentitybindings.kleym.sonda.red',
);
const isInside = ({ metadata }: Manifest) => metadata.namespace === namespace.metadata.name;
const policies = manifests.filter(({ kind }) => kind.startsWith('ValidatingAdmissionPolicy'));
const isKubectlThere = hasKubectl();

const names = ['binding-a', 'binding-b'];
const foreign = output('somebody-elses');
beforeAll(async () => {
  await here.create(pool(), objective());
  await kube.create(foreign);
});

/** The functions, which nobody tells of anything but that it is time to sweep. */
interface Functions {
  readonly sweep: () => Promise<void>;
  /** Ends them; so does the end of the test. */
  readonly stop: () => Promise<void>;
}

/** What the API server knows of the example. */
async function apply(): Promise<void> {
  for (const object of manifests) await kube.apply(object);
  await untilInForce(kleym);
}

/** Starts the bundles with tokens of the accounts that there are now. */
async function start(): Promise<Functions> {
  const kept = await openKeptProcesses('kleym-wrong-order');
  onTestFinished(() => kept.end());
  const { urls } = await startBundledFunctions(kept, async (name) => {
    const account = findManifest(manifests, 'ServiceAccount', name);
    if (account['automountServiceAccountToken'] === false) return undefined;
    const config = await kleym.kubeConfigFor(name);
    return await kept.writeKubeconfig(name, config.exportConfig());
  });
  const wiring = await readWiring([join(manifestsFolder, 'base')]);
  const broker = await startBroker({ wiring, subscribers: urls });
  onTestFinished(() => broker.close());
  return {
    sweep: async () => {
      for (const ping of wiring.pings) broker.send(toPingEvent(ping));
      await broker.idle();
    },
    stop: async () => {
      await broker.close();
      await kept.end();
    },
  };
}

/** Two bindings that have their outputs. */
async function identify({ sweep }: Functions): Promise<Stored[]> {
  await here.create(binding('binding-a'), poolBinding('binding-b', { serviceAccountName: 'other-sa' }));
  await sweep();
  return [await here.ready('binding-a'), await here.ready('binding-b')];
}

/** As the controller of namespaces would, which is not there: first all that is in it, then the namespace. */
async function removeNamespace(): Promise<void> {
  for (const object of manifests.filter(isInside)) await kube.delete(object);
  await kube.delete(namespace);
  const found = await kube.get(namespace);
  const content = { ...found, spec: { finalizers: [] } };
  await kleym.must({ method: 'PUT', path: `${toPath(namespace)}/finalize`, content });
  expect(await kube.get(namespace)).toBeUndefined();
}

/** The definition is Terminating, the bindings hang in deletion, and their identities are in force. */
async function expectStuck(outputs: readonly Stored[]): Promise<void> {
  await eventually(async () => {
    for (const name of names) {
      const { metadata } = await here.get(binding(name));
      expect(metadata.finalizers).toEqual([bindingFinalizer]);
      expect(metadata.deletionTimestamp).toBeDefined();
    }
  });
  const terminating = expect.objectContaining({ type: 'Terminating', status: 'True' });
  expect(await kube.get(definition)).toHaveProperty(
    'status.conditions',
    expect.arrayContaining([terminating]),
  );
  expect(uidsOf(await here.outputs())).toEqual(uidsOf(outputs));
}

function uidsOf(objects: readonly Stored[]): string[] {
  return objects.map(({ metadata }) => metadata.uid).toSorted();
}

/** The API server looks every five seconds whether the last one is gone. */
async function untilUndefined(): Promise<void> {
  await eventually(async () => expect(await kube.get(definition)).toBeUndefined(), 30_000);
}

/** The lines under "Remove" in docs/operate.md that say this. */
async function linesOfDocument(part: string): Promise<string> {
  const text = await readFile(join(manifestsFolder, '..', 'docs', 'operate.md'), 'utf8');
  const [, section = ''] = /^## Remove\n([^]*?)^## /m.exec(text) ?? [];
  const blocks = [...section.matchAll(/^```sh\n([^]*?)^```$/gm)].flatMap(([, block = '']) => block);
  const [found, ...others] = blocks.filter((block) => block.includes(part));
  if (found === undefined || others.length > 0)
    throw new Error(
      `expected one block with "${part}" in docs/operate.md, Remove; found ${blocks.join('\n')}`,
    );
  return found;
}

/** Enters lines into a shell as an administrator, and returns what they print. */
function enter(lines: string): Promise<string> {
  const { folder, kubeconfigFile } = kleym.plane;
  const env = { ...process.env, HOME: folder, KUBECONFIG: kubeconfigFile };
  return new Promise((resolve) => {
    execFile('sh', ['-c', lines], { env, cwd: folder }, (_error, out, err) => resolve(`${out}${err}`));
  });
}

/** The requests of those lines, for a machine without kubectl. Returns what the API server refused to do. */
async function releaseByRequests(): Promise<string> {
  const refused: string[] = [];
  const note = (error: unknown) => void refused.push(String(error));
  const { apiVersion, kind } = foreign;
  const labelSelector = 'kleym.sonda.red/managed-by=kleym';
  for (const one of await kube.list({ apiVersion, kind, labelSelector })) await kube.delete(one).catch(note);
  for (const one of await kube.list(binding()))
    await kube.edit(one, { metadata: { finalizers: null } }).catch(note);
  return refused.join('\n');
}

async function release(): Promise<string> {
  return isKubectlThere ? await enter(await linesOfDocument('"finalizers":null')) : await releaseByRequests();
}

async function removePolicies(): Promise<void> {
  if (isKubectlThere) await enter(await linesOfDocument('kubectl delete validatingadmissionpolicybinding'));
  else for (const policy of policies) await kube.delete(policy);
  const left = await Promise.all(policies.map((policy) => kube.get(policy)));
  expect(left.filter(Boolean)).toEqual([]);
  // They stop nobody any more a moment after they are gone.
  const probe = output('kleym-probe', {}, { labels: { 'kleym.sonda.red/managed-by': 'kleym' } });
  const path = `${outputsPath}?dryRun=All`;
  await eventually(() => kleym.must({ method: 'POST', path, content: probe }));
}

test('by hand: without policies, outputs first and finalizers last, nothing is left', async () => {
  await apply();
  const functions = await start();
  const outputs = await identify(functions);
  await functions.stop();
  await removeNamespace();
  await kube.delete(definition);
  await expectStuck(outputs);

  const denied = (await release()).match(/denied request/g);
  expect(denied).toHaveLength(outputs.length + names.length);
  await expectStuck(outputs);

  await removePolicies();
  // The API server forgets one policy after the other.
  await eventually(async () => expect(await release()).not.toContain('denied'));
  expect(await here.outputs()).toEqual([]);
  await untilUndefined();
  const { apiVersion, kind } = foreign;
  expect((await kube.list({ apiVersion, kind })).map(({ metadata }) => metadata.name)).toEqual([
    foreign.metadata.name,
  ]);
});

test('installed again: one sweep takes the outputs and lets the bindings go, the definition goes with them, and another apply is kleym as ever', async () => {
  await apply();
  const functions = await start();
  const outputs = await identify(functions);
  await functions.stop();
  await removeNamespace();
  const outside = manifests.filter((object) => !isInside(object) && object !== namespace);
  for (const object of outside) await kube.delete(object);
  await expectStuck(outputs);

  await apply();
  const again = await start();
  await expectStuck(outputs);
  await again.sweep();
  expect(await here.outputs()).toEqual([]);
  await untilUndefined();

  await apply();
  await identify(again);
  await here.delete(...names.map((name) => binding(name)));
  await again.sweep();
  for (const name of names) await here.gone(name);
});
