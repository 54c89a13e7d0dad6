import { CloudEvent } from 'cloudevents';
import { describe, expect, test } from 'vitest';
import { createWatcher } from './transitions.ts';

const metadata = { name: 'chat', namespace: 'team-a', uid: 'u', resourceVersion: '1', generation: 1 };
const spec = { poolRef: { name: 'llama' }, serviceAccountName: 'sa' };

function statusOf(status: 'True' | 'False', reason: string, spiffeID?: string) {
  const condition = {
    type: 'Ready',
    status,
    reason,
    message: `${reason}!`,
    observedGeneration: 1,
    lastTransitionTime: '2026-01-01T00:00:00Z',
  };
  return {
    conditions: [condition],
    ...(spiffeID && { computedSpiffeIDs: [{ mode: 'PerObjective', spiffeID }] }),
  };
}

function about(change: string, apiversion: string, data: unknown): CloudEvent<unknown> {
  return new CloudEvent({ type: `dev.knative.apiserver.resource.${change}`, source: 'x', apiversion, data });
}

function bindingEvent(change: string, status?: object): CloudEvent<unknown> {
  return about(change, 'kleym.sonda.red/v1alpha1', { metadata, spec, ...(status && { status }) });
}

function outputEvent(change: string, spiffeIDTemplate: string): CloudEvent<unknown> {
  return about(change, 'spire.spiffe.io/v1alpha1', {
    metadata: { name: 'kleym-x', uid: 'o', resourceVersion: '1' },
    spec: { spiffeIDTemplate },
  });
}

describe('what the events tell of a binding', () => {
  test('is a transition where its readiness changes, and nothing where it does not', () => {
    const watcher = createWatcher();
    const row = {
      binding: 'team-a/chat',
      mode: 'PerObjective',
      pool: 'llama',
      objective: '',
      ready: '',
      reason: '',
      spiffeId: '',
      message: '',
    };
    expect(watcher.see(bindingEvent('add'))).toEqual({ kind: 'binding', row });
    expect(watcher.see(bindingEvent('update'))).toBeUndefined();

    const ready = {
      ...row,
      ready: 'True',
      reason: 'Reconciled',
      spiffeId: 'spiffe://example.org/x',
      message: 'Reconciled!',
    };
    const status = statusOf('True', 'Reconciled', 'spiffe://example.org/x');
    expect(watcher.see(bindingEvent('update', status))).toEqual({
      kind: 'binding',
      row: ready,
    });
    expect(watcher.see(bindingEvent('update', status))).toBeUndefined();
    expect(watcher.rows()).toEqual([ready]);
  });

  test('ends with its deletion', () => {
    const watcher = createWatcher();
    watcher.see(bindingEvent('add'));
    expect(watcher.see(bindingEvent('delete'))).toEqual({ kind: 'binding-gone', binding: 'team-a/chat' });
    expect(watcher.rows()).toEqual([]);
  });

  test('is sorted by namespace and name', () => {
    const watcher = createWatcher();
    for (const name of ['b', 'a']) {
      watcher.see(about('add', 'kleym.sonda.red/v1alpha1', { metadata: { ...metadata, name }, spec }));
    }
    expect(watcher.rows().map(({ binding }) => binding)).toEqual(['team-a/a', 'team-a/b']);
  });
});

describe('what the events tell of an output', () => {
  test('is a transition where our content changes, and nothing where SPIRE writes its status', () => {
    const watcher = createWatcher();
    const output = { kind: 'output', name: 'kleym-x' };
    expect(watcher.see(outputEvent('add', 'a'))).toEqual({ ...output, change: 'created', spiffeId: 'a' });
    expect(watcher.see(outputEvent('update', 'a'))).toBeUndefined();
    expect(watcher.see(outputEvent('update', 'b'))).toEqual({ ...output, change: 'changed', spiffeId: 'b' });
    expect(watcher.see(outputEvent('delete', 'b'))).toEqual({
      ...output,
      change: 'withdrawn',
      spiffeId: 'b',
    });
  });
});

test.each([
  ['another kind', about('add', 'inference.networking.k8s.io/v1', { metadata, spec })],
  ['an object that is none', about('add', 'kleym.sonda.red/v1alpha1', { spec })],
  ['a tick', new CloudEvent({ type: 'dev.knative.sources.ping', source: 'x' })],
])('%s tells nothing', (_case, event) => {
  expect(createWatcher().see(event)).toBeUndefined();
});
