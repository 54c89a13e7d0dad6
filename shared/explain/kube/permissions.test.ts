import { expect, test } from 'vitest';
import { ForbiddenError, UncertainError } from '../../api/uncertain-error.ts';
import { createLacks, toPermission, toPermissionWords } from './permissions.ts';

test.each([
  ['/api/v1/namespaces/team-a/pods', 'list pods in namespace team-a'],
  ['/api/v1/pods', 'list pods'],
  ['/api/v1/namespaces/team-a/pods/chat-0', 'get pods in namespace team-a'],
  ['/api/v1/namespaces', 'list namespaces'],
  ['/api/v1/namespaces/team-a', 'get namespaces'],
  ['/apis/spire.spiffe.io/v1alpha1/clusterspiffeids', 'list clusterspiffeids.spire.spiffe.io'],
])('%s takes: %s', (path, words) => {
  expect(toPermissionWords(toPermission(path))).toBe(words);
});

test('what is forbidden is noted once, and the work goes on', async () => {
  const lacks = createLacks();
  expect(await lacks.attempt(forbid)).toBeUndefined();
  expect(await lacks.attempt(forbid)).toBeUndefined();
  expect(await lacks.attempt(() => Promise.resolve(7))).toBe(7);
  expect(lacks.all()).toEqual([{ verb: 'list', resource: 'pods', group: '' }]);
});

test('any other trouble is trouble', async () => {
  await expect(createLacks().attempt(fail)).rejects.toThrow('busy');
});

function forbid(): Promise<never> {
  return Promise.reject(new ForbiddenError('no', { method: 'GET', path: '/api/v1/pods' }));
}

function fail(): Promise<never> {
  return Promise.reject(new UncertainError('busy'));
}
