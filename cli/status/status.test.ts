import { beforeAll, expect, test } from 'vitest';
import { useCommand } from '../../test/support/command.ts';
import { binding, objective, pool } from '../../test/support/manifests.ts';
import type { Manifest } from '../../test/support/kube-client.ts';

let command: Awaited<ReturnType<typeof useCommand>>;

function inNamespace(namespace: string, object: Manifest): Manifest {
  return { ...object, metadata: { ...object.metadata, namespace } };
}

beforeAll(async () => {
  command = await useCommand();
  for (const name of ['default', 'team-a'])
    await command.kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  for (const namespace of ['default', 'team-a']) {
    for (const object of [pool(), objective(), binding()])
      await command.kube.create(inNamespace(namespace, object));
  }
  const labelled = binding('labelled');
  await command.kube.create(
    inNamespace('team-a', { ...labelled, metadata: { ...labelled.metadata, labels: { tier: 'gpu' } } }),
  );
});

async function readBindings(line: string) {
  const { output, exitCode, problem } = await command.run(`${line} -o json`);
  expect(problem).toBe('');
  const report = JSON.parse(output) as { bindings: { namespace: string; name: string }[] };
  return { exitCode, names: report.bindings.map(({ namespace, name }) => `${namespace}/${name}`) };
}

test('all namespaces are read, or the one that is named, or what a selector says', async () => {
  const all = ['default/binding-a', 'team-a/binding-a', 'team-a/labelled'];
  expect(await readBindings('status')).toEqual({ exitCode: 0, names: all });
  expect(await readBindings('status -A')).toEqual({ exitCode: 0, names: all });
  expect(await readBindings('status -n team-a')).toEqual({ exitCode: 0, names: all.slice(1) });
  expect(await readBindings('status -l tier=gpu')).toEqual({ exitCode: 0, names: ['team-a/labelled'] });
});

test('where only the own namespace may be read it is, and the report says so', async () => {
  command.forbid((path) => path.startsWith('/apis/kleym.sonda.red/v1alpha1/inferenceidentitybindings'));
  const { output, exitCode } = await command.run('status');
  expect(output).toContain('Bindings in namespace default\n  1 in all: 1 not settled\n');
  expect(output).toContain('no permission to list inferenceidentitybindings.kleym.sonda.red: the report');
  expect(exitCode).toBe(0);
  expect((await command.run('status --strict')).exitCode).toBe(2);
  expect(await command.run('status -A')).toEqual({
    output: '',
    problem: 'error: no permission to list inferenceidentitybindings; -n NAMESPACE asks for less\n',
    exitCode: 4,
  });
  command.forbid(undefined);
});

test('without definitions each of them is an error', async () => {
  const bare = await useCommand([]);
  const { output, exitCode } = await bare.run('status -o json');
  const { findings } = JSON.parse(output) as { findings: { reason: string }[] };
  expect(findings.map(({ reason }) => reason)).toEqual([
    'InferenceIdentityBindingCRDMissing',
    'ClusterSPIFFEIDCRDMissing',
    'GAIECRDMissing',
  ]);
  expect(exitCode).toBe(2);
});
