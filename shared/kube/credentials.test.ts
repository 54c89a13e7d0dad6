import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig, RequestContext, type User } from '@kubernetes/client-node';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createCredentials } from './credentials.ts';
import { UncertainError } from '../api/uncertain-error.ts';

const cluster = { name: 'c', server: 'https://api.test', skipTLSVerify: false, caData: 'c29tZSBDQQ==' };

function credentialsOf(user: Omit<User, 'name'>) {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromClusterAndUser(cluster, { name: 'u', ...user });
  return createCredentials(kubeConfig);
}

async function applied(credentials: ReturnType<typeof createCredentials>): Promise<RequestContext> {
  const request = new RequestContext('https://api.test/', 'GET');
  await credentials.apply(request);
  return request;
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
    expect((await applied(credentialsOf(user))).getHeaders()).toEqual(headers);
  });

  it('is the token that is in the file now', async () => {
    const { user, write } = await tokenFile('first\n');
    const credentials = credentialsOf(user);
    expect((await applied(credentials)).getHeaders()).toEqual({ Authorization: 'Bearer first' });
    await write('second\n');
    expect((await applied(credentials)).getHeaders()).toEqual({ Authorization: 'Bearer second' });
  });

  it('is uncertain while the token file is missing', async () => {
    const { user, remove, write } = await tokenFile('first');
    const credentials = credentialsOf(user);
    await remove();
    await expect(applied(credentials)).rejects.toThrow(UncertainError);
    await expect(applied(credentials)).rejects.toThrow(
      /^the credentials of the kubeconfig cannot be used: Error: ENOENT/,
    );
    await write('back');
    expect((await applied(credentials)).getHeaders()).toEqual({ Authorization: 'Bearer back' });
  });

  it('never appears in a message, not even when no header can hold it', async () => {
    const error: unknown = await applied(credentialsOf({ token: 'top\nsecret' })).catch(
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

describe('connections', () => {
  it('are shared by all requests, also by those that come at once', async () => {
    const credentials = credentialsOf({ token: 'secret' });
    const requests = await Promise.all([applied(credentials), applied(credentials), applied(credentials)]);
    const [dispatcher, ...others] = requests.map((request) => request.getDispatcher());
    expect(dispatcher).toBeDefined();
    for (const other of others) expect(other).toBe(dispatcher);
  });

  it('are new ones after those before were forgotten', async () => {
    const credentials = credentialsOf({ token: 'secret' });
    const before = (await applied(credentials)).getDispatcher();
    credentials.forgetConnections();
    expect((await applied(credentials)).getDispatcher()).not.toBe(before);
  });
});
