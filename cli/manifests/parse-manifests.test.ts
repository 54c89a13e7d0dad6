import { describe, expect, test } from 'vitest';
import { locate, parseManifests } from './parse-manifests.ts';

const two = `apiVersion: v1
kind: Namespace
metadata: { name: team-a }
---
# only a comment
---
apiVersion: kleym.sonda.red/v1alpha1
kind: InferenceIdentityBinding
metadata:
  name: chat
  namespace: team-a
spec:
  poolRef:
    name: llama
`;

describe('manifests', () => {
  test('are read with their places, and empty documents are nothing', () => {
    const { manifests, problems } = parseManifests([{ file: 'a.yaml', text: two }]);
    expect(problems).toEqual([]);
    expect(manifests.map(({ kind, namespace, name }) => [kind, namespace, name])).toEqual([
      ['Namespace', undefined, 'team-a'],
      ['InferenceIdentityBinding', 'team-a', 'chat'],
    ]);
    const [, binding] = manifests;
    const placeOf = (...path: string[]) => binding && locate(binding, path);
    expect(placeOf('spec', 'poolRef', 'name')).toEqual({ file: 'a.yaml', line: 14, column: 11 });
    expect(placeOf('metadata', 'namespace')).toEqual({ file: 'a.yaml', line: 11, column: 14 });
  });

  test('a field that is not there is looked for where it would stand', () => {
    const { manifests } = parseManifests([{ file: 'a.yaml', text: two }]);
    const [, binding] = manifests;
    expect(binding && locate(binding, ['spec', 'objectiveRef', 'name'])).toMatchObject({
      line: 13,
      column: 3,
    });
    expect(binding && locate(binding, [])).toMatchObject({ line: 7, column: 1 });
  });

  test('those of a List are told apart', () => {
    const text = `kind: List
apiVersion: v1
items:
  - { apiVersion: v1, kind: Pod, metadata: { name: a } }
  - { apiVersion: v1, kind: Pod, metadata: { name: b } }
`;
    const { manifests } = parseManifests([{ file: 'list.yaml', text }]);
    expect(manifests.map((one) => [one.name, locate(one, ['metadata', 'name']).line])).toEqual([
      ['a', 4],
      ['b', 5],
    ]);
  });

  test('JSON is YAML', () => {
    const text = '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}';
    expect(parseManifests([{ file: 'a.json', text }]).manifests).toMatchObject([{ name: 'a' }]);
  });

  test('what kustomize reads is left alone', () => {
    const text = 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]\n';
    expect(parseManifests([{ file: 'kustomization.yaml', text }])).toMatchObject({ problems: [] });
  });
});

describe('what cannot be read is named by file and line', () => {
  test.each([
    ['a: b\n c: d\n', 1, 'InvalidYaml'],
    ['apiVersion: v1\napiVersion: v1\n', 2, 'InvalidYaml'],
    ['{{ .Values.binding }}\n', 1, 'NoManifest'],
    ['a: {{ .Values.binding }} b\n', 1, 'InvalidYaml'],
    ['---\n---\njust: a map\n', 3, 'NoManifest'],
    ['- a list\n', 1, 'NoManifest'],
    ['apiVersion: v1\nkind: Pod\n', 1, 'NoManifest'],
  ])('%j', (text, line, reason) => {
    const { manifests, problems } = parseManifests([{ file: 'bad.yaml', text }]);
    expect(manifests).toEqual([]);
    expect(problems).toMatchObject([{ file: 'bad.yaml', line, reason }]);
  });

  test('aliases that would grow beyond all bounds are refused', () => {
    const text = ['a: &a [x]', grow('b', 'a'), grow('c', 'b'), grow('d', 'c'), grow('e', 'd')].join('\n');
    expect(parseManifests([{ file: 'bomb.yaml', text }]).problems).toHaveLength(1);
  });
});

function grow(name: string, from: string): string {
  return `${name}: &${name} [${Array.from({ length: 9 }, () => `*${from}`).join()}]`;
}
