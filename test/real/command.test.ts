import { KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openApiServer } from '../../cli/kube/open-api-server.ts';
import { type Command, createCommand } from '../support/command.ts';
import { objective, pool, poolBinding } from '../support/manifests.ts';
import type { Manifest } from '../support/kube-client.ts';
import { podManifest } from '../support/pods.ts';
import { type InstalledKleym, installKleym } from './installed-kleym.ts';

// The command over its own HTTP client, as people with few rights: what they may not read is named, and the rest is told.

let kleym: InstalledKleym;

const user = { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'alice' };
const group = { ...user, kind: 'Group', name: 'second' };

function grant(name: string, subject: typeof user, rules: readonly object[]): Manifest[] {
  const metadata = { name, namespace: 'team-a' };
  const roleRef = { apiGroup: user.apiGroup, kind: 'Role', name };
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  return [
    { apiVersion, kind: 'Role', metadata, rules },
    { apiVersion, kind: 'RoleBinding', metadata, roleRef, subjects: [subject] },
  ];
}

const bindings = {
  apiGroups: ['kleym.sonda.red'],
  resources: ['inferenceidentitybindings'],
  verbs: ['get', 'list'],
};
const sources = {
  apiGroups: ['inference.networking.k8s.io', 'inference.networking.x-k8s.io', 'llm-d.ai'],
  resources: ['inferencepools', 'inferenceobjectives'],
  verbs: ['get', 'list'],
};
const pods = { apiGroups: [''], resources: ['pods', 'events'], verbs: ['get', 'list'] };

beforeAll(async () => {
  kleym = await installKleym();
  await kleym.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team-a' } });
  const objects = [
    pool(),
    objective(),
    poolBinding(),
    podManifest(),
    ...grant('bindings', user, [bindings]),
    ...grant('rest', group, [sources, pods]),
  ];
  for (const object of objects)
    await kleym.create({ ...object, metadata: { ...object.metadata, namespace: 'team-a' } });
});

afterAll(async () => {
  await kleym.plane.stop();
});

function commandAs(as: string | undefined, ...groups: readonly string[]): Command {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromString(kleym.plane.kubeconfig);
  return createCommand(openApiServer(kubeConfig, { as, groups }), 'team-a');
}

describe('over TLS, as somebody else', () => {
  test('who may only read bindings of a namespace sees these', async () => {
    const { output, exitCode } = await commandAs('alice').run('status');
    expect(output).toContain('Bindings in namespace team-a\n  1 in all: 1 not settled\n');
    expect(output).toContain('no permission to list inferenceidentitybindings.kleym.sonda.red: the report');
    expect(exitCode).toBe(0);
  });

  test('nobody in particular is told what is missing', async () => {
    expect(await commandAs('nobody').run('status')).toEqual({
      output: '',
      problem: 'error: no permission to list inferenceidentitybindings.kleym.sonda.red in namespace team-a\n',
      exitCode: 4,
    });
  });

  test('without pools nothing is said of references', async () => {
    const { output, exitCode } = await commandAs('alice').run('inspect binding binding-a');
    expect(output).toContain(
      'no permission to get inferencepools.inference.networking.k8s.io in namespace team-a',
    );
    expect(output).not.toContain('TargetPoolNotFound');
    expect(exitCode).toBe(2);
  });

  test('each of several groups counts', async () => {
    const { output, exitCode } = await commandAs('alice', 'first', 'second').run('inspect binding binding-a');
    expect(output).toContain('\nMatched pods:\n  team-a/pod-a\n');
    expect(output).toContain('In the cluster: not readable');
    expect(output).toContain(
      'Warning Forbidden\n    no permission to list clusterspiffeids.spire.spiffe.io\n',
    );
    expect(exitCode).toBe(0);
  });

  test('why pod goes as far as it can', async () => {
    const { output } = await commandAs('alice', 'second').run('why pod pod-a');
    expect(output).toMatch(
      /^container main of pod team-a\/pod-a matches no binding; nearest is binding-a: no function has looked/,
    );
    expect(output).toContain('Note: ClusterSPIFFEIDs could not be read');
  });

  test('the administrator lacks nothing', async () => {
    const { output } = await commandAs(undefined).run('inspect binding binding-a -o json');
    const { findings } = JSON.parse(output) as { findings: { id: string }[] };
    expect(findings.map(({ id }) => id)).toEqual(['identity-config-undiscovered']);
  });
});
