import { describe, expect, it } from 'vitest';
import { toEvent } from './kubernetes-event.ts';

const binding = {
  metadata: { name: 'chat', namespace: 'team-a', uid: 'u-1', resourceVersion: '8' },
  spec: { poolRef: { name: 'llama' }, serviceAccountName: 'sa' },
};
const announcement = {
  name: 'chat.0a1b2c',
  binding,
  type: 'Normal',
  reason: 'Reconciled',
  message: 'identity written',
} as const;

const now = new Date('2026-01-06T10:00:00Z');

describe('an Event', () => {
  it('regards the binding, but no single version of it', () => {
    expect(toEvent(announcement, 'pod-1', now)).toEqual({
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: 'chat.0a1b2c', namespace: 'team-a' },
      eventTime: '2026-01-06T10:00:00.000000Z',
      reportingController: 'kleym.sonda.red/reconcile',
      reportingInstance: 'pod-1',
      action: 'Reconciled',
      reason: 'Reconciled',
      type: 'Normal',
      note: 'identity written',
      regarding: {
        apiVersion: 'kleym.sonda.red/v1alpha1',
        kind: 'InferenceIdentityBinding',
        name: 'chat',
        namespace: 'team-a',
        uid: 'u-1',
      },
    });
  });

  it.each([
    ['a note of 1024 bytes is kept', 'x'.repeat(1024), 'x'.repeat(1024)],
    ['a longer note is cut', 'x'.repeat(1025), 'x'.repeat(1024)],
    ['bytes are counted, not characters', 'é'.repeat(600), 'é'.repeat(512)],
    ['no character is cut in two', `${'x'.repeat(1022)}🔑`, 'x'.repeat(1022)],
  ])('%s', (_, message, note) => {
    expect(toEvent({ ...announcement, message }, 'pod-1', now).note).toBe(note);
  });
});
