import { expect, test } from 'vitest';
import { toCallName } from './call-span.ts';

const kleym = '/apis/kleym.sonda.red/v1alpha1';

test.each([
  [`${kleym}/inferenceidentitybindings`, `${kleym}/inferenceidentitybindings`],
  [
    `${kleym}/namespaces/team-a/inferenceidentitybindings`,
    `${kleym}/namespaces/{namespace}/inferenceidentitybindings`,
  ],
  [
    `${kleym}/namespaces/team-a/inferenceidentitybindings/chat/status`,
    `${kleym}/namespaces/{namespace}/inferenceidentitybindings/{name}/status`,
  ],
  [
    '/apis/spire.spiffe.io/v1alpha1/clusterspiffeids/x',
    '/apis/spire.spiffe.io/v1alpha1/clusterspiffeids/{name}',
  ],
  [
    '/api/v1/namespaces/kleym-system/configmaps/kleym-sweep',
    '/api/v1/namespaces/{namespace}/configmaps/{name}',
  ],
  ['/apis/spire.spiffe.io/v1alpha1', '/apis/spire.spiffe.io/v1alpha1'],
  ['/apis/spire.spiffe.io', '/apis/spire.spiffe.io'],
])('a call of %s is named %s', (path, name) => {
  expect(toCallName(path)).toBe(name);
});
