import { describe, expect, test } from 'vitest';
import { handlesClass, ignoresNamespace } from './controller-manager.ts';
import { selectsLabels } from './label-selector.ts';

const kind = 'ControllerManagerConfig';

describe('SPIRE Controller Manager acts on outputs of its class, and on classless ones where it is told to', () => {
  test.each([
    [{ className: 'spire' }, 'spire', true],
    [{ className: 'spire' }, 'other', false],
    [{ className: 'spire' }, undefined, false],
    [{ className: 'spire', watchClassless: true }, undefined, true],
    [{}, undefined, true],
    [{}, 'spire', false],
  ])('%j and class %s: %s', (config, className, expected) => {
    expect(handlesClass({ kind, ...config }, className)).toBe(expected);
  });
});

test.each([
  [['kube-system'], 'kube-system', true],
  [['kube-'], 'kube-public', true],
  [['^team$'], 'team-a', false],
  [null, 'team-a', false],
  [['(?P<go>x'], 'team-a', false],
])('patterns %j and namespace %s: %s', (ignoreNamespaces, namespace, expected) => {
  expect(ignoresNamespace({ kind, ignoreNamespaces }, namespace)).toBe(expected);
});

describe('label selectors', () => {
  test.each([
    [undefined, true],
    [{}, true],
    [{ matchLabels: { app: 'x' } }, true],
    [{ matchLabels: { app: 'y' } }, false],
    [expressions('In', ['x', 'y']), true],
    [expressions('NotIn', ['x']), false],
    [expressions('Exists'), true],
    [expressions('DoesNotExist'), false],
    [expressions('Gt', ['1']), false],
    ['nonsense', false],
  ])('%j', (selector, expected) => {
    expect(selectsLabels(selector, { app: 'x' })).toBe(expected);
  });
});

function expressions(operator: string, values?: string[]) {
  return { matchExpressions: [{ key: 'app', operator, ...(values && { values }) }] };
}
