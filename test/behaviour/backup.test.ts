import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { hasKubectl } from '@kleym/kube-api/contract/has-kubectl';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { outputAnnotations } from '../../shared/api/cluster-spiffe-id.ts';
import type { Manifest, Stored } from '../support/kube-client.ts';
import { toPath } from '../support/kube-client.ts';
import { binding, objective, output, pool } from '../support/manifests.ts';
import { type TestNamespace, eventually, useCluster } from '../support/test-cluster.ts';

// What a backup has of bindings and outputs comes back into a cluster that has none of them any more. A restored object has
// another uid; a status comes back only where the tool writes it for itself (Velero: --status-include-resources).

const cluster = await useCluster();
const { kube } = cluster;

/** What of a namespace was in the backup. */
interface Backup {
  readonly bindings: readonly Stored[];
  readonly outputs: readonly Stored[];
}

interface Restored {
  readonly bindings?: 'without status' | 'with status';
  readonly outputs?: 'too';
}

/** What of an object the API server says, which no tool brings back. */
function toManifest({ metadata, ...object }: Stored, namespace = metadata.namespace): Manifest {
  const { uid: _uid, resourceVersion: _version, generation: _generation, ...rest } = metadata;
  const { creationTimestamp: _time, managedFields: _fields, ...kept } = rest as Record<string, unknown>;
  return { ...object, metadata: { ...kept, name: metadata.name, ...(namespace && { namespace }) } };
}

async function backUp(here: TestNamespace): Promise<Backup> {
  const { apiVersion, kind } = binding();
  const bindings = await kube.list({ apiVersion, kind, namespace: here.name });
  // Lists do not name the kind of each of their items.
  const outputs = await here.outputs();
  expect(bindings).toEqual([
    expect.objectContaining({ status: expect.objectContaining({ claim: anyClaim }) }),
  ]);
  const { apiVersion: version, kind: outputKind } = output('any');
  return {
    bindings: bindings.map((one) => ({ ...one, apiVersion, kind })),
    outputs: outputs.map((one) => ({ ...one, apiVersion: version, kind: outputKind })),
  };
}

/** What a binding holds after it was Ready; it names the uid of its output. */
const anyClaim = expect.objectContaining({ kind: 'owning', uid: expect.any(String) });

/** As a cluster is lost: nobody withdraws anything. */
async function lose({ bindings, outputs }: Backup): Promise<void> {
  for (const one of bindings) {
    await kube.edit(one, { metadata: { finalizers: null } });
    await kube.delete(one);
  }
  for (const one of outputs) await kube.delete(one);
}

async function restore(backup: Backup, what: Restored, namespace?: string): Promise<void> {
  if (what.outputs) for (const one of backup.outputs) await kube.create(toManifest(one));
  if (!what.bindings) return;
  for (const one of backup.bindings) {
    const created = await kube.create(toManifest(one, namespace));
    expect(created['status']).toBeUndefined();
    if (what.bindings === 'without status') continue;
    const content = { ...created, status: one['status'] };
    const stale = await kube.must({ method: 'PUT', path: `${toPath(created)}/status`, content });
    expect(stale['status']).toEqual(one['status']);
  }
}

/**
 * The only output of a binding, which is of the binding that there is now. A restored status says Ready
 * before kleym has looked.
 */
async function readyWithOwn(here: TestNamespace, name = 'binding-a'): Promise<Stored> {
  return await eventually(async () => {
    const found = await here.ready(name);
    const { metadata } = await here.get(binding(name));
    expect(found.metadata.annotations?.[outputAnnotations.bindingUid]).toBe(metadata.uid);
    expect(await here.outputs(name)).toHaveLength(1);
    return found;
  });
}

describe('a cluster is lost, restored, and kleym installed on it', async () => {
  const cases = {
    'bindings alone': { bindings: 'without status' },
    'bindings with their status': { bindings: 'with status' },
    'bindings and outputs': { bindings: 'without status', outputs: 'too' },
    everything: { bindings: 'with status', outputs: 'too' },
  } as const satisfies Record<string, Restored>;
  const titles = Object.keys(cases) as (keyof typeof cases)[];

  const restored = new Map<string, TestNamespace>();
  const place = async (title: string): Promise<TestNamespace> => {
    const here = await cluster.namespace();
    restored.set(title, here);
    await here.create(pool(), objective(), binding());
    return here;
  };
  const at = (title: string): TestNamespace => {
    const here = restored.get(title);
    if (!here) throw new Error(`nothing was restored for ${title}`);
    return here;
  };
  const foreign = output('somebody-elses');
  let untouched: Stored;
  let mapped: TestNamespace;
  const backups = new Map<string, Backup>();
  const backupOf = (title: string): Backup => backups.get(title) ?? { bindings: [], outputs: [] };

  beforeAll(async () => {
    untouched = await kube.create(foreign);
    const others = ['another pool', 'a rival', 'outputs alone', 'another namespace', 'a claim'];
    const before = await cluster.startStack();
    await Promise.all(
      [...titles, ...others].map(async (title) => {
        const here = await place(title);
        await here.ready('binding-a');
        backups.set(title, await backUp(here));
      }),
    );
    await before.stop();
    for (const backup of backups.values()) await lose(backup);

    for (const title of titles) await restore(backupOf(title), cases[title]);
    await at('another pool').edit(pool(), { spec: { selector: { matchLabels: { app: 'another' } } } });
    await restore(backupOf('another pool'), cases.everything);
    await at('a rival').create(binding('rival'));
    await restore(backupOf('a rival'), cases.everything);
    await restore(backupOf('outputs alone'), { outputs: 'too' });
    mapped = await cluster.namespace();
    await mapped.create(pool(), objective());
    await restore(backupOf('another namespace'), cases.everything, mapped.name);
    await restore(toClaiming(backupOf('a claim')), { bindings: 'with status' });
    await cluster.startStack();
  }, 120_000);

  afterAll(() => kube.delete(foreign));

  test.each(titles)('%s: the binding is Ready, with one output of its own', async (title) => {
    const found = await readyWithOwn(at(title));
    expect(found['spec']).toEqual(backupOf(title).outputs[0]?.['spec'] ?? 'a backup');
  });

  test('a status and an output of before the pool changed do not count', async () => {
    await eventually(async () => {
      const found = await readyWithOwn(at('another pool'));
      expect(found).toHaveProperty('spec.podSelector.matchLabels', { app: 'another' });
    });
  });

  test('beside a binding that took the workload meanwhile, neither has an identity', async () => {
    const here = at('a rival');
    expect(await here.refused('binding-a', 'Conflict', 'IdentityCollision')).toContain('rival');
    expect(await here.refused('rival', 'Conflict', 'IdentityCollision')).toContain('binding-a');
    expect(await here.outputs()).toEqual([]);
  });

  test('outputs without their bindings are deleted', async () => {
    await eventually(async () => expect(await at('outputs alone').outputs()).toEqual([]));
  });

  test('in another namespace bindings get outputs of their own, and those of the former one are deleted', async () => {
    const found = await readyWithOwn(mapped);
    expect(found).toHaveProperty('spec.hint', `${mapped.name}/binding-a`);
    await eventually(async () => expect(await at('another namespace').outputs()).toEqual([]));
  });

  test('a status with a write under way is a write that nobody makes any more', async () => {
    await readyWithOwn(at('a claim'));
  });

  test('nothing of others is touched', async () => {
    const { metadata } = (await kube.get(foreign)) ?? { metadata: { uid: '', resourceVersion: '' } };
    expect({ uid: metadata.uid, version: metadata.resourceVersion }).toEqual({
      uid: untouched.metadata.uid,
      version: untouched.metadata.resourceVersion,
    });
  });
});

/** As if the backup had been taken while a run was about to create the output. */
function toClaiming({ bindings, outputs }: Backup): Backup {
  const claiming = bindings.map((one) => {
    const status = one['status'] as { readonly claim: Readonly<Record<string, unknown>> };
    const { name, serviceAccountName, key } = status.claim;
    const claim = { kind: 'creating', name, serviceAccountName, key, nonce: 'n', at: '2026-01-01T00:00:00Z' };
    return { ...one, status: { ...status, claim } };
  });
  return { bindings: claiming, outputs };
}

test('an object that is created as it was got is refused, because it has a resourceVersion', async () => {
  const here = await cluster.namespace();
  const [stored] = await here.create(pool());
  await here.delete(pool());
  await expect(kube.create({ ...pool(), ...stored })).rejects.toThrow(
    'resourceVersion should not be set on objects to be created',
  );
});

/** The commands of docs/backup.md that have this in them, about one namespace. */
async function commandsOf(part: string, namespace: string): Promise<string> {
  const text = await readFile(join(import.meta.dirname, '..', '..', 'docs', 'backup.md'), 'utf8');
  const lines = [...text.matchAll(/^```sh\n([^]*?)^```$/gm)].flatMap(([, block = '']) => block.split('\n'));
  const found = lines.filter((line) => line.includes(part));
  expect(found).toHaveLength(1);
  return found.join('\n').replace(' -A ', ` -n ${namespace} `);
}

/** A shell in a folder of its own, for an administrator. */
async function openShell(): Promise<(line: string) => Promise<string>> {
  const folder = await mkdtemp(join(tmpdir(), 'kleym-backup-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'config'), cluster.kubeconfigText);
  const env = { ...process.env, HOME: folder, KUBECONFIG: join(folder, 'config') };
  return async (line) => (await promisify(execFile)('sh', ['-ec', line], { cwd: folder, env })).stdout;
}

const isKubectlThere = hasKubectl();
test('the commands of docs/backup.md save bindings and bring them back', async () => {
  const enter = await openShell();
  const here = await cluster.namespace();
  await here.create(pool(), objective(), binding());
  await here.ready('binding-a');
  const backup = await backUp(here);
  if (isKubectlThere) await enter(await commandsOf('> bindings.yaml', here.name));
  await here.delete(binding());
  await here.gone('binding-a');
  if (isKubectlThere) await enter(await commandsOf('create -f bindings.yaml', here.name));
  else await restore(backup, { bindings: 'without status' });
  await readyWithOwn(here);
  expect((await here.get(binding())).metadata.uid).not.toBe(backup.bindings[0]?.metadata.uid);
});

describe('bindings are deleted and restored while kleym runs', async () => {
  test.each(['without status', 'with status'] as const)('%s', async (bindings) => {
    const here = await cluster.namespace();
    await here.create(pool(), objective(), binding());
    await here.ready('binding-a');
    const backup = await backUp(here);
    await here.delete(binding());
    await here.gone('binding-a');
    await restore(backup, { bindings });
    await readyWithOwn(here);
  });
});
