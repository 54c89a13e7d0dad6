import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cluster, KubeConfig, type User } from '@kubernetes/client-node';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readCredentials } from './credentials.ts';
import { UncertainError } from '../api/uncertain-error.ts';

const cluster = { name: 'c', server: 'https://api.test', skipTLSVerify: false, caData: 'c29tZSBDQQ==' };

function kubeConfigOf(user: Omit<User, 'name'>, more: Partial<Cluster> = {}): KubeConfig {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromClusterAndUser({ ...cluster, ...more }, { name: 'u', ...user });
  return kubeConfig;
}

async function headersOf(kubeConfig: KubeConfig) {
  return (await readCredentials(kubeConfig)).headers;
}

async function tokenFile(token: string) {
  const folder = await mkdtemp(join(tmpdir(), 'kleym-token-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'token');
  const write = (token: string) => writeFile(path, token);
  await write(token);
  return {
    write,
    remove: () => rm(path),
    user: { authProvider: { name: 'tokenFile', config: { tokenFile: path } } },
  };
}

describe('who we are', () => {
  it.each([
    ['a token', { token: 'secret' }, { Authorization: 'Bearer secret' }],
    ['a password', { username: 'me', password: 'secret' }, { Authorization: 'Basic bWU6c2VjcmV0' }],
    ['nobody', {}, {}],
    [
      'somebody else',
      { token: 'secret', impersonateUser: 'you' },
      { Authorization: 'Bearer secret', 'Impersonate-User': 'you' },
    ],
  ])('%s', async (_, user, headers) => {
    expect(await headersOf(kubeConfigOf(user))).toEqual(headers);
  });

  it('is the token that is in the file now', async () => {
    const { user, write } = await tokenFile('first\n');
    const kubeConfig = kubeConfigOf(user);
    expect(await headersOf(kubeConfig)).toEqual({ Authorization: 'Bearer first' });
    await write('second\n');
    expect(await headersOf(kubeConfig)).toEqual({ Authorization: 'Bearer second' });
  });

  it('is uncertain while the token file is missing', async () => {
    const { user, remove, write } = await tokenFile('first');
    const kubeConfig = kubeConfigOf(user);
    await remove();
    await expect(readCredentials(kubeConfig)).rejects.toThrow(UncertainError);
    await expect(readCredentials(kubeConfig)).rejects.toThrow(
      /^the credentials of the kubeconfig cannot be used: Error: ENOENT/,
    );
    await write('back');
    expect(await headersOf(kubeConfig)).toEqual({ Authorization: 'Bearer back' });
  });

  it('never appears in a message, not even when no header can hold it', async () => {
    const error: unknown = await readCredentials(kubeConfigOf({ token: 'top\nsecret' })).catch(
      (error: unknown) => error,
    );
    expect(error).toEqual(
      new UncertainError(
        'the Authorization header from the kubeconfig has a line break or another character that no header may have',
      ),
    );
    expect(error).not.toHaveProperty('cause');
  });
});

describe('the way', () => {
  it('is the direct one, over connections that are kept', async () => {
    expect(await readCredentials(kubeConfigOf({ token: 'secret' }))).not.toHaveProperty('agent');
  });

  it('is the proxy of the kubeconfig', async () => {
    const kubeConfig = kubeConfigOf({ token: 'secret' }, { proxyUrl: 'http://proxy.test:3128' });
    const { agent } = await readCredentials(kubeConfig);
    expect(agent).toHaveProperty('proxy.href', 'http://proxy.test:3128/');
  });
});
