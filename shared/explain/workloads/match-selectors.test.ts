import { expect, test } from 'vitest';
import { createPod } from '../../../test/support/pods.ts';
import { isMatch, matchSelectors, toCheckWords } from './match-selectors.ts';
import { listContainers } from './pod.ts';

const digest = `example.org/main@sha256:${'0'.repeat(64)}`;
const selectors = [
  `k8s:container-image:${digest}`,
  'k8s:container-name:main',
  'k8s:ns:default',
  'k8s:pod-label:app:model-server',
  'k8s:sa:inference-sa',
];
const fitting = { imageID: digest };

test.each([
  ['everything fits', fitting, []],
  ['another label', { ...fitting, labels: { app: 'other' } }, ['label app "other" ≠ "model-server"']],
  ['no label', { ...fitting, labels: {} }, ['label app is missing, wanted "model-server"']],
  ['another account', { ...fitting, serviceAccountName: '' }, ['service account "default" ≠ "inference-sa"']],
  ['another namespace', { ...fitting, namespace: 'team-b' }, ['namespace "team-b" ≠ "default"']],
  ['another container', { ...fitting, containers: ['mian'] }, ['container name "mian" ≠ "main"']],
  ['a tag for an image', {}, [`image "example.org/main:1" ≠ "${digest}"`]],
])('%s', (_, traits, words) => {
  const pod = createPod(traits);
  const [container] = listContainers(pod);
  const checks = container ? matchSelectors(selectors, pod, container) : [];
  expect(checks.filter(({ matches }) => !matches).map(toCheckWords)).toEqual(words);
  expect(isMatch(checks)).toBe(words.length === 0);
});

test('a node that has not reported an image yet is no match', () => {
  const pod = { ...createPod(), status: undefined };
  const [container] = listContainers(pod);
  const checks = container ? matchSelectors([`k8s:container-image:${digest}`], pod, container) : [];
  expect(checks.map(toCheckWords)).toEqual([`image "example.org/main:1 (not reported yet)" ≠ "${digest}"`]);
});

test('init containers count, and are told apart', () => {
  const pod = createPod({ containers: ['main'] });
  const withInit = { ...pod, spec: { ...pod.spec, initContainers: [{ name: 'fetch' }] } };
  expect(listContainers(withInit).map(({ name, isInit }) => [name, isInit])).toEqual([
    ['main', false],
    ['fetch', true],
  ]);
});
