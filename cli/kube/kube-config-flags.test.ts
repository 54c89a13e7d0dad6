import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listContexts, loadTarget } from './kube-config-flags.ts';

let folder: string;
let kubeconfig: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kleym-config-'));
  kubeconfig = join(folder, 'config');
  const text = `
clusters:
  - { name: prod, cluster: { server: 'https://prod.test' } }
  - { name: stage, cluster: { server: 'https://stage.test' } }
users:
  - { name: alice, user: { token: a } }
  - { name: bob, user: { token: b } }
contexts:
  - { name: prod, context: { cluster: prod, user: alice, namespace: team-a } }
  - { name: stage, context: { cluster: stage, user: alice } }
current-context: prod
`;
  await writeFile(kubeconfig, text);
});
afterAll(() => rm(folder, { recursive: true }));

describe('flags win over the kubeconfig', () => {
  test.each([
    [{}, 'https://prod.test', 'alice', 'team-a'],
    [{ context: 'stage' }, 'https://stage.test', 'alice', 'default'],
    [{ cluster: 'stage', user: 'bob' }, 'https://stage.test', 'bob', 'team-a'],
    [{ namespace: 'team-b' }, 'https://prod.test', 'alice', 'team-b'],
  ])('%j', (flags, server, user, expected) => {
    const { kubeConfig, namespace } = loadTarget({ kubeconfig, ...flags });
    expect(kubeConfig.getCurrentCluster()?.server).toBe(server);
    expect(kubeConfig.getCurrentUser()?.name).toBe(user);
    expect(namespace).toBe(expected);
  });
});

test('a name that the kubeconfig does not know is named, with what was meant', () => {
  expect(() => loadTarget({ kubeconfig, cluster: 'stge' })).toThrow(
    'the kubeconfig has no cluster "stge"; did you mean stage?',
  );
  expect(() => loadTarget({ kubeconfig, user: 'nobody' })).toThrow(
    'the kubeconfig has no user "nobody"; it has alice, bob',
  );
});

test('its contexts are listed', () => {
  expect(listContexts({ kubeconfig })).toEqual(['prod', 'stage']);
});
