import { describe, expect, test } from 'vitest';
import { poolOnly } from '../../test/support/inference.ts';
import { narrowPods } from './pod-labels.ts';

const pool = { app: 'model-server', tier: 'gpu' };

function narrow(podLabels: Record<string, string> | undefined, of: Record<string, string> = pool) {
  return narrowPods(of, { ...poolOnly, ...(podLabels && { podLabels }) });
}

function labels(count: number, name = 'label'): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`${name}-${index}`, 'x']));
}

describe('the pods that a binding means', () => {
  test.each([undefined, {}])('are those of its pool where it names no labels: %j', (podLabels) => {
    expect(narrow(podLabels)).toEqual({ kind: 'done', value: pool });
  });

  test('have the labels of its pool and its own, sorted', () => {
    const outcome = narrow({ role: 'prefill', B: '1' });
    expect(JSON.stringify(outcome)).toBe(
      '{"kind":"done","value":{"B":"1","app":"model-server","role":"prefill","tier":"gpu"}}',
    );
  });

  test('may be told apart by a label that every object seems to have', () => {
    expect(narrow({ constructor: 'a', toString: 'b' })).toEqual({
      kind: 'done',
      value: { ...pool, constructor: 'a', toString: 'b' },
    });
  });

  test.each<[string, Record<string, string>, string]>([
    [
      'another value for a label of the pool',
      { role: 'prefill', tier: 'cpu' },
      'label "tier" is "cpu", but the pool selects pods by "gpu"',
    ],
    ['a value before a blank', { role: 'prefill ' }, 'label "role" has the invalid value "prefill "'],
    [
      'a value that is a template',
      { role: '{{.PodMeta.Name}}' },
      'label "role" has the invalid value "{{.PodMeta.Name}}"',
    ],
    ['an empty value', { role: '' }, 'labels must contain non-empty values: label "role" has none'],
    [
      'a value of 64 characters',
      { role: 'x'.repeat(64) },
      `label "role" has the invalid value "${'x'.repeat(64)}"`,
    ],
    ['a key with a colon', { 'role:x': 'y' }, 'label key "role:x" is not a valid label key'],
    ['an empty key', { '': 'x' }, 'label key "" is not a valid label key'],
    ['more than eight labels', labels(9), '9 labels were found: at most 8 are supported'],
  ])('are not said by %s', (_what, podLabels, words) => {
    expect(narrow(podLabels)).toEqual({
      kind: 'refused',
      condition: 'RenderFailure',
      reason: 'InvalidPodLabels',
      message: `podLabels: ${words}`,
      retry: false,
    });
  });

  test('are not smuggled in as a prototype', () => {
    const podLabels = JSON.parse('{"__proto__":"x"}') as Record<string, string>;
    expect(narrow(podLabels)).toMatchObject({ reason: 'InvalidPodLabels' });
  });

  test('have 64 labels at most together with the pool, and a label of both counts once', () => {
    expect(narrow(labels(8), labels(56, 'own')).kind).toBe('done');
    expect(narrow({ ...labels(7), 'own-0': 'x' }, labels(57, 'own')).kind).toBe('done');
    expect(narrow(labels(8), labels(57, 'own'))).toMatchObject({
      kind: 'refused',
      message: 'podLabels: 65 labels were found together with those of the pool: at most 64 are supported',
    });
  });
});
