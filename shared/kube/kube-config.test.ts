import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { readCredentials } from './credentials.ts';
import { loadKubeConfig } from './kube-config.ts';

const good = `
clusters:
  - { name: c1, cluster: { server: 'https://one.test', certificate-authority: ca.crt } }
  - { name: c2, cluster: { server: 'http://two.test', insecure-skip-tls-verify: true } }
  - { name: c3, cluster: { server: 'http://three.test' } }
  - { name: c4, cluster: { server: 'four.test' } }
users: [{ name: u, user: { token: secret } }]
contexts:
  - { name: one, context: { cluster: c1, user: u } }
  - { name: two, context: { cluster: c2, user: u } }
  - { name: three, context: { cluster: c3, user: u } }
  - { name: four, context: { cluster: c4, user: u } }
  - { name: nowhere, context: { cluster: c9, user: u } }
  - { name: nobody, context: { cluster: c1, user: u9 } }
current-context: one
`;

async function folderWith(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kleym-kubeconfig-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}

function environment(variables: Record<string, string>): void {
  const none = { KUBECONFIG: '', KUBERNETES_SERVICE_HOST: '', KUBERNETES_SERVICE_PORT: '', HOME: '/nowhere' };
  for (const [name, value] of Object.entries({ ...none, ...variables })) vi.stubEnv(name, value);
}

/** A kubeconfig, and the Authorization header of a request that is made now. */
function loadWithToken(file: string) {
  const kubeConfig = loadKubeConfig({ file, context: 'two' });
  return {
    kubeConfig,
    tokenOf: async () => (await readCredentials(kubeConfig)).headers['Authorization'],
  };
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('the kubeconfig', () => {
  it('of a file means its current context, and paths beside the file', async () => {
    const folder = await folderWith({ config: good });
    const config = loadKubeConfig({ file: join(folder, 'config') });
    expect(config.getCurrentCluster()).toMatchObject({
      server: 'https://one.test',
      caFile: join(folder, 'ca.crt'),
    });
  });

  it('of a file means the context that is asked for', async () => {
    const folder = await folderWith({ config: good });
    const config = loadKubeConfig({ file: join(folder, 'config'), context: 'two' });
    expect(config.getCurrentCluster()?.server).toBe('http://two.test');
  });

  it('names a token file beside it, which is read for each request', async () => {
    const users = 'users: [{ name: u, user: { token: stale, tokenFile: secrets/token } }]';
    const config = good.replace(/^users: .*$/m, users);
    const folder = await folderWith({ config, 'secrets/token': 'first' });
    const { kubeConfig, tokenOf } = loadWithToken(join(folder, 'config'));
    expect(kubeConfig.getCurrentUser()?.token).toBeUndefined();
    expect(await tokenOf()).toBe('Bearer first');
    await writeFile(join(folder, 'secrets/token'), 'second\n');
    expect(await tokenOf()).toBe('Bearer second');
  });

  it('is in a pod its service account', () => {
    environment({ KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' });
    const config = loadKubeConfig({});
    expect(config.getCurrentCluster()).toMatchObject({
      server: 'https://10.0.0.1:443',
      caFile: '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt',
      skipTLSVerify: false,
    });
    expect(config.getCurrentUser()?.authProvider).toHaveProperty(
      'config.tokenFile',
      '/var/run/secrets/kubernetes.io/serviceaccount/token',
    );
  });

  it('is what KUBECONFIG names, in a pod too', async () => {
    const folder = await folderWith({ config: good });
    environment({ KUBECONFIG: join(folder, 'config'), KUBERNETES_SERVICE_HOST: '10.0.0.1' });
    expect(loadKubeConfig({}).getCurrentCluster()?.server).toBe('https://one.test');
  });

  it('of several files has the contexts of all, and the current one of the first', async () => {
    const other = `
clusters: [{ name: d, cluster: { server: 'https://other.test' } }]
users: [{ name: v, user: { token: secret } }]
contexts: [{ name: other, context: { cluster: d, user: v } }]
current-context: other
`;
    const folder = await folderWith({ config: good, other });
    environment({ KUBECONFIG: [join(folder, 'config'), join(folder, 'other')].join(delimiter) });
    expect(loadKubeConfig({}).getCurrentCluster()?.server).toBe('https://one.test');
    expect(loadKubeConfig({ context: 'other' }).getCurrentCluster()?.server).toBe('https://other.test');
  });

  it('of several files that know one name is what the first says of it', async () => {
    const folder = await folderWith({ config: good, other: good.replaceAll('one.test', 'other.test') });
    environment({ KUBECONFIG: [join(folder, 'config'), join(folder, 'other')].join(delimiter) });
    expect(loadKubeConfig({}).getCurrentCluster()?.server).toBe('https://one.test');
  });

  it('of several files may lack some', async () => {
    const folder = await folderWith({ config: good });
    environment({ KUBECONFIG: [join(folder, 'absent'), join(folder, 'config')].join(delimiter) });
    expect(loadKubeConfig({}).getCurrentCluster()?.server).toBe('https://one.test');
    environment({ KUBECONFIG: join(folder, 'absent') });
    expect(() => loadKubeConfig({})).toThrow(/absent cannot be read: ENOENT/);
  });

  it('is at home where nothing else says so', async () => {
    const home = await folderWith({ '.kube/config': good });
    environment({ HOME: home });
    expect(loadKubeConfig({}).getCurrentCluster()?.server).toBe('https://one.test');
  });
});

describe('one error says what is wrong', () => {
  it('nowhere a kubeconfig', () => {
    environment({});
    expect(() => loadKubeConfig({})).toThrow(
      'found no kubeconfig: this is no pod, and /nowhere/.kube/config does not exist; set KUBECONFIG to the path of a kubeconfig',
    );
  });

  it('a file that is not there', () => {
    expect(() => loadKubeConfig({ file: '/nowhere/config' })).toThrow(
      "the kubeconfig /nowhere/config cannot be read: ENOENT: no such file or directory, open '/nowhere/config'",
    );
  });

  it.each([
    ['another', /config has no context "another"; it has one, two, three, four, nowhere, nobody$/],
    ['', /config has no context ""; it has one, two/],
    ['nowhere', /config: context nowhere names cluster c9, which is not there$/],
    ['nobody', /config: context nobody names user u9, which is not there$/],
    ['three', /is http:\/\/three.test; without TLS it must say insecure-skip-tls-verify: true$/],
    ['four', /the server of cluster c4 is four.test, expected an https:\/\/ URL$/],
  ])('the context %j', async (context, message) => {
    const folder = await folderWith({ config: good });
    expect(() => loadKubeConfig({ file: join(folder, 'config'), context })).toThrow(message);
  });

  it.each([
    ['empty', ''],
    ['a word', 'hello'],
    ['a list', '- a'],
    ['without a current context', 'clusters: []'],
    ['a cluster without a server', 'clusters: [{ name: c, cluster: {} }]'],
  ])('a file that is %s', async (_, text) => {
    const folder = await folderWith({ config: text });
    const file = join(folder, 'config');
    expect(() => loadKubeConfig({ file })).toThrow(file);
  });

  it('a file that is not YAML, without quoting it', async () => {
    const folder = await folderWith({ config: 'users: [{ name: u, user: { token: secret } }\nclusters: }' });
    const load = () => loadKubeConfig({ file: join(folder, 'config') });
    expect(load).toThrow(/cannot be read: not YAML, /);
    expect(load).not.toThrow(/secret/);
  });
});
