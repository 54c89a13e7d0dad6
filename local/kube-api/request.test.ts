import { expect, test } from 'vitest';
import { type ResourcePath, type Verb, parseResourcePath, verbOf } from './request.ts';

const nothing = { group: '', version: '', plural: '', namespace: '', name: '', subresource: '' };

test.each<[string, Partial<ResourcePath> | undefined]>([
  ['/api/v1/namespaces', { version: 'v1', plural: 'namespaces' }],
  ['/api/v1/namespaces/a', { version: 'v1', plural: 'namespaces', name: 'a' }],
  ['/api/v1/namespaces/a/status', { version: 'v1', plural: 'namespaces', name: 'a', subresource: 'status' }],
  ['/api/v1/namespaces/a/pods', { version: 'v1', plural: 'pods', namespace: 'a' }],
  [
    '/api/v1/namespaces/a/pods/p/log',
    { version: 'v1', plural: 'pods', namespace: 'a', name: 'p', subresource: 'log' },
  ],
  ['/api/v1/namespaces/a/status/b', { version: 'v1', plural: 'status', namespace: 'a', name: 'b' }],
  ['/api/v1/pods', { version: 'v1', plural: 'pods' }],
  ['/apis/g.dev/v1/things/x', { group: 'g.dev', version: 'v1', plural: 'things', name: 'x' }],
  [
    '/apis/g.dev/v1/namespaces/a/things/x%3Ay',
    { group: 'g.dev', version: 'v1', plural: 'things', namespace: 'a', name: 'x:y' },
  ],
  ['/apis/g.dev/v1', undefined],
  ['/apis/g.dev', undefined],
  ['/api/v1', undefined],
  ['/version', undefined],
])('the address %s', (path, expected) => {
  expect(parseResourcePath(path)).toEqual(expected === undefined ? undefined : { ...nothing, ...expected });
});

test.each<[string, boolean, string, Verb]>([
  ['GET', true, '', 'get'],
  ['GET', true, 'watch=true', 'get'],
  ['GET', false, '', 'list'],
  ['GET', false, 'watch=false', 'list'],
  ['GET', false, 'watch=0', 'list'],
  ['GET', false, 'watch=true', 'watch'],
  ['GET', false, 'watch=1', 'watch'],
  ['POST', false, '', 'create'],
  ['PUT', true, '', 'update'],
  ['PATCH', true, '', 'patch'],
  ['DELETE', true, '', 'delete'],
  ['DELETE', false, '', 'deletecollection'],
  ['OPTIONS', true, '', 'other'],
])('%s of one: %s, with "%s", wants to %s', (method, isOne, query, expected) => {
  expect(verbOf(method, isOne, new URLSearchParams(query))).toBe(expected);
});
