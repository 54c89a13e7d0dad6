import { describe, expect, test } from 'vitest';
import { parsePoolSelector } from './pool-selector.ts';

describe('the labels of a pool', () => {
  test.each([
    ['matchLabels', { matchLabels: { app: 'model-server' } }, { app: 'model-server' }],
    [
      'the flat map of the older group',
      { app: 'model-server', role: 'prefill' },
      { app: 'model-server', role: 'prefill' },
    ],
    [
      'a flat map with a label called matchLabels',
      { matchLabels: 'x', app: 'y' },
      { app: 'y', matchLabels: 'x' },
    ],
    ['a flat map with a label called matchExpressions', { matchExpressions: 'x' }, { matchExpressions: 'x' }],
    [
      'a key with a domain',
      { matchLabels: { 'inference.networking.x-k8s.io/role': 'decode.v1', app: 'model-server' } },
      { app: 'model-server', 'inference.networking.x-k8s.io/role': 'decode.v1' },
    ],
    [
      'a key that every object has',
      { matchLabels: { constructor: 'a', toString: 'b' } },
      { constructor: 'a', toString: 'b' },
    ],
  ])('are taken from %s', (_what, selector, labels) => {
    const parsed = parsePoolSelector(selector);
    expect(parsed).toEqual({ kind: 'done', value: labels });
  });

  test('are sorted by their keys', () => {
    const parsed = parsePoolSelector({ matchLabels: { b: '1', 'a.b/c': '2', a: '3', B: '4' } });
    expect(JSON.stringify(parsed)).toBe('{"kind":"done","value":{"B":"4","a":"3","a.b/c":"2","b":"1"}}');
  });

  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'pool selector must be a map of labels'],
    ['null', null, 'pool selector must be a map of labels'],
    ['a text', 'app=model-server', 'pool selector must be a map of labels'],
    ['a list', ['app'], 'pool selector must be a map of labels'],
    ['an empty map', {}, 'pool selector must contain at least one label'],
    ['empty matchLabels', { matchLabels: {} }, 'pool selector must contain at least one label'],
    [
      'matchLabels that are a list',
      { matchLabels: ['app'] },
      'pool selector matchLabels must be a map of labels',
    ],
    ['matchLabels that are null', { matchLabels: null }, 'pool selector matchLabels must be a map of labels'],
    [
      'matchLabels that are a number',
      { matchLabels: 1 },
      'pool selector matchLabels must be a map of labels',
    ],
    [
      'a list for a value',
      { matchLabels: { app: ['x'] } },
      'pool selector label "app" must have a string as its value',
    ],
    [
      'a boolean for a value',
      { matchLabels: { app: true } },
      'pool selector label "app" must have a string as its value',
    ],
    [
      'a number for a value',
      { matchLabels: { app: 1 } },
      'pool selector label "app" must have a string as its value',
    ],
    [
      'a map for a value',
      { matchLabels: { app: {} } },
      'pool selector label "app" must have a string as its value',
    ],
    [
      'null for a value',
      { matchLabels: { app: null } },
      'pool selector label "app" must have a string as its value',
    ],
    ['a number in a flat map', { app: 1 }, 'pool selector label "app" must have a string as its value'],
    [
      'a key in upper case before the slash',
      { matchLabels: { 'Example.com/app': 'x' } },
      'pool selector label key "Example.com/app" is not a valid label key',
    ],
    [
      'a key with two slashes',
      { matchLabels: { 'app/name/extra': 'x' } },
      'pool selector label key "app/name/extra" is not a valid label key',
    ],
    [
      'a key after a blank',
      { matchLabels: { ' app': 'x' } },
      'pool selector label key " app" is not a valid label key',
    ],
    ['an empty key', { matchLabels: { '': 'x' } }, 'pool selector label key "" is not a valid label key'],
    [
      'a key that is a template',
      { matchLabels: { '{{.PodMeta.Name}}': 'x' } },
      'pool selector label key "{{.PodMeta.Name}}" is not a valid label key',
    ],
    [
      'a key with a colon',
      { matchLabels: { 'app:x': 'y' } },
      'pool selector label key "app:x" is not a valid label key',
    ],
    [
      'a value after a blank',
      { matchLabels: { app: ' model-server' } },
      'pool selector label "app" has the invalid value " model-server"',
    ],
    [
      'a value before a blank',
      { matchLabels: { app: 'model-server ' } },
      'pool selector label "app" has the invalid value "model-server "',
    ],
    [
      'a blank for a value',
      { matchLabels: { app: ' ' } },
      'pool selector label "app" has the invalid value " "',
    ],
    [
      'a value with a slash',
      { matchLabels: { app: 'model/server' } },
      'pool selector label "app" has the invalid value "model/server"',
    ],
    [
      'a value after a hyphen',
      { matchLabels: { app: '-model' } },
      'pool selector label "app" has the invalid value "-model"',
    ],
    [
      'a value before a hyphen',
      { matchLabels: { app: 'model-' } },
      'pool selector label "app" has the invalid value "model-"',
    ],
    [
      'a value that is a template',
      { matchLabels: { app: '{{.PodMeta.Name}}' } },
      'pool selector label "app" has the invalid value "{{.PodMeta.Name}}"',
    ],
    [
      'a value with a line end',
      { matchLabels: { app: 'x\n' } },
      'pool selector label "app" has the invalid value "x\n"',
    ],
    [
      'a value of 64 characters',
      { matchLabels: { app: 'x'.repeat(64) } },
      `pool selector label "app" has the invalid value "${'x'.repeat(64)}"`,
    ],
    [
      'an empty value',
      { matchLabels: { app: '' } },
      'pool selector labels must contain non-empty values: label "app" has none',
    ],
    [
      'an empty value in a flat map',
      { app: '' },
      'pool selector labels must contain non-empty values: label "app" has none',
    ],
    [
      'empty matchExpressions',
      { matchLabels: { app: 'x' }, matchExpressions: [] },
      'pool selector field "matchExpressions" is not supported: expected matchLabels alone',
    ],
    [
      'matchExpressions alone',
      { matchExpressions: [] },
      'pool selector field "matchExpressions" is not supported: expected matchLabels alone',
    ],
    [
      'matchExpressions',
      { matchLabels: { app: 'x' }, matchExpressions: [{ key: 'app', operator: 'Exists' }] },
      'pool selector field "matchExpressions" is not supported: expected matchLabels alone',
    ],
    [
      'matchExpressions that are a map',
      { matchLabels: { app: 'x' }, matchExpressions: {} },
      'pool selector field "matchExpressions" is not supported: expected matchLabels alone',
    ],
    [
      'matchExpressions that are a text beside matchLabels',
      { matchLabels: { app: 'x' }, matchExpressions: 'x' },
      'pool selector field "matchExpressions" is not supported: expected matchLabels alone',
    ],
    [
      'labels beside matchLabels',
      { matchLabels: { app: 'x' }, role: 'y' },
      'pool selector field "role" is not supported: expected matchLabels alone',
    ],
  ])('cannot be %s', (_what, selector, message) => {
    expect(parsePoolSelector(selector)).toEqual({
      kind: 'refused',
      condition: 'UnsafeSelector',
      reason: 'InvalidPoolSelector',
      message,
      retry: false,
    });
  });

  test.each(['{"__proto__":"x"}', '{"matchLabels":{"__proto__":"x"}}', '{"__proto__":{"app":"x"}}'])(
    'cannot be smuggled in as a prototype: %s',
    (json) => {
      expect(parsePoolSelector(JSON.parse(json)).kind).toBe('refused');
    },
  );

  test.each(['matchLabels', 'the flat map'])(
    'are 64 at most: SPIRE matches each for every pod (%s)',
    (form) => {
      const parse = (count: number) =>
        parsePoolSelector(form === 'matchLabels' ? { matchLabels: labels(count) } : labels(count));
      expect(parse(64).kind).toBe('done');
      expect(parse(65)).toMatchObject({
        kind: 'refused',
        reason: 'InvalidPoolSelector',
        message: 'pool selector has 65 labels: at most 64 are supported',
      });
    },
  );

  test('that are refused do not fill the status, however long their keys are', () => {
    const parsed = parsePoolSelector({ matchLabels: { ['k'.repeat(1_000_000)]: 'x' } });
    expect(parsed.kind === 'refused' && parsed.message.length).toBe(32_768);
  });
});

function labels(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`label-${index}`, 'x']));
}
