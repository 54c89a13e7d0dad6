import { expect, test } from 'vitest';
import type { Step } from '../eventing/event-tracker.ts';
import { toDuration, toEventWords, toStepWords } from './event-words.ts';

const resource = 'dev.knative.apiserver.resource';

test.each([
  ['a tick', ['dev.knative.sources.ping', '/apis/x', ''], 'tick: a sweep is due'],
  [
    'bindings of one namespace',
    ['red.sonda.kleym.bindings.affected', '/kleym/map-pool', 'team-a'],
    'map-pool names bindings in team-a',
  ],
  ['bindings of several', ['red.sonda.kleym.bindings.affected', '/kleym/sweep', ''], 'sweep names bindings'],
  [
    'a pool',
    [
      `${resource}.update`,
      'https://kube',
      '/apis/inference.networking.k8s.io/v1/namespaces/team-a/inferencepools/llama',
    ],
    'pool team-a/llama was changed',
  ],
  [
    'an object without a namespace',
    [
      `${resource}.delete`,
      'https://kube',
      '/apis/spire.spiffe.io/v1alpha1/namespaces//clusterspiffeids/kleym-a',
    ],
    'ClusterSPIFFEID kleym-a was deleted',
  ],
  ['an event of somebody else', ['mine', '/me', 'x'], 'mine x'],
  ['a subject of somebody else', [`${resource}.add`, '/me', '<b>'], `${resource}.add <b>`],
] as const)('says %s', (_, [type, source, subject], text) => {
  expect(toEventWords({ type, source, subject })).toEqual({ text });
});

test('names the binding that an event is about', () => {
  const subject = '/apis/kleym.sonda.red/v1alpha1/namespaces/team-a/inferenceidentitybindings/chat';
  expect(toEventWords({ type: `${resource}.add`, source: 'https://kube', subject })).toEqual({
    text: 'binding team-a/chat was created',
    binding: { namespace: 'team-a', name: 'chat' },
  });
});

test.each([
  [{ state: 'under way', status: undefined }, 'under way'],
  [{ state: 'delivered', status: 204 }, '204'],
  [{ state: 'replied', status: 200 }, '200, an event'],
  [
    { state: 'will retry', status: 503, nextTryAt: new Date(2026, 0, 2, 3, 4, 5).getTime() },
    '503, next try at 03:04:05',
  ],
  [{ state: 'dead lettered', status: undefined }, 'no answer, given up: a dead letter'],
  [{ state: 'lost', status: 400 }, '400, given up and lost'],
  [{ state: 'reply dropped', status: 200 }, '200, its event was dropped'],
  [{ state: 'abandoned', status: undefined }, 'ended with the Broker'],
] as const)('%j', (step, words) => {
  expect(toStepWords(step as unknown as Step)).toBe(words);
});

test.each([
  [0.44, '0.4 ms'],
  [12.3, '12 ms'],
  [3140, '3.1 s'],
])('%d ms is %s', (ms, words) => {
  expect(toDuration(ms)).toBe(words);
});
