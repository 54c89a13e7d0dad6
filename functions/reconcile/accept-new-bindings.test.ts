import { expect, test } from 'vitest';
import { waiting } from '../../shared/events/answers.ts';
import { parseBindingsAffected } from '../../shared/events/bindings-affected.ts';
import { postEvent, silentApp } from '../../test/support/post-event.ts';
import { acceptNewBindings } from './accept-new-bindings.ts';

const about = { apiversion: 'kleym.sonda.red/v1alpha1', kind: 'InferenceIdentityBinding' };
const named = { name: 'b', namespace: 'team-a' };
const add = 'dev.knative.apiserver.resource.add';
const metadata = { ...named, uid: 'u', resourceVersion: '9', generation: 1 };

/** A reconcile that remembers what it was asked, and waits for something. */
function open() {
  const asked: unknown[] = [];
  const handler = acceptNewBindings(async (event) => {
    const affected = parseBindingsAffected(event);
    asked.push(affected.kind === 'done' ? affected.value : event.type);
    return waiting('something');
  });
  return { app: silentApp(handler), asked };
}

test('a new binding is reconciled as if map-binding had named it', async () => {
  const { app, asked } = open();
  const answered = await postEvent(app, {
    attributes: { type: add, ...about, ...named },
    data: { metadata, spec: {} },
  });
  expect(answered).toMatchObject({ status: 503, error: { reason: 'something' } });
  expect(asked).toEqual([[{ namespace: 'team-a', names: ['b'], hasOwnReason: true }]]);
});

test('one at rest, of which a source that starts again tells as new, costs nothing', async () => {
  const { app, asked } = open();
  const finalizers = ['kleym.sonda.red/inferenceidentitybinding-finalizer'];
  const data = { metadata: { ...metadata, finalizers }, spec: {}, status: { observedGeneration: 1 } };
  expect(await postEvent(app, { attributes: { type: add, ...about, ...named }, data })).toEqual({
    status: 204,
  });
  expect(asked).toEqual([]);
});

test('one whose event says an impossible name is refused', async () => {
  const { app, asked } = open();
  const event = { attributes: { type: add, ...about, namespace: 'team-a', name: '../x' } };
  expect(await postEvent(app, event)).toMatchObject({ status: 400 });
  expect(asked).toEqual([]);
});

test.each<[string, Record<string, string>]>([
  ['a binding that changed', { type: 'dev.knative.apiserver.resource.update', ...about }],
  ['a binding that went', { type: 'dev.knative.apiserver.resource.delete', ...about }],
  ['a new binding by reference', { type: 'dev.knative.apiserver.ref.add', ...about }],
  ['a new binding of another version', { type: add, ...about, apiversion: 'kleym.sonda.red/v2' }],
  ['a new pool', { type: add, apiversion: 'inference.networking.k8s.io/v1', kind: 'InferencePool' }],
])('%s: reconcile itself says what it makes of the event', async (_case, attributes) => {
  const { app, asked } = open();
  await postEvent(app, { attributes: { ...attributes, ...named } });
  expect(asked).toEqual([attributes['type']]);
});
