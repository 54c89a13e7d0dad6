import { describe, expect, test } from 'vitest';
import { readyStatus, refusedStatus, useConsole } from '../../../test/support/console.ts';
import type { Manifest } from '../../../test/support/kube-client.ts';
import { binding, objective, output, pool } from '../../../test/support/manifests.ts';
import { createPod } from '../../../test/support/pods.ts';

function event(name: string, reason: string, lastTimestamp: string): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name },
    type: 'Warning',
    reason,
    message: `${reason} happened`,
    lastTimestamp,
    involvedObject: {
      apiVersion: 'kleym.sonda.red/v1alpha1',
      kind: 'InferenceIdentityBinding',
      name: 'chat',
      namespace: 'team-a',
    },
  };
}

describe('a binding', () => {
  test('that is refused: what is wrong and what helps come first, and peers are links', async () => {
    const { create, read, see } = await useConsole();
    const message =
      'identity collision with bindings draft: PerObjective bindings must not share the same pod selector and container name';
    const condition = { status: 'True', reason: 'IdentityCollision', message, observedGeneration: 1 };
    const status = refusedStatus('IdentityCollision', message) as { readonly conditions: readonly object[] };
    const conditions = [
      ...status.conditions,
      { ...condition, type: 'Conflict', lastTransitionTime: '2026-01-02T03:04:05Z' },
    ];
    await create(
      pool(),
      objective(),
      { ...binding('chat'), status: { ...status, conditions } },
      binding('draft'),
    );
    const words = await read('/namespaces/team-a/bindings/chat');
    expect(words).toMatch(
      new RegExp(
        `^Namespace team-a\nBinding chat ✕ refused\nIdentityCollision ${message}\n→ give one of them another container, service account or pool, or each of them another value in podLabels; make one PoolOnly, or delete one\n`,
      ),
    );
    expect(words).toContain('Peers\ndraft\ncollides');
    expect(await see('/namespaces/team-a/bindings/chat')).toContain(
      'href="/namespaces/team-a/bindings/draft"',
    );
  });

  test('says what it asks for, what is rendered, what the cluster has and what SPIRE counts', async () => {
    const { create, read } = await useConsole();
    const spiffeID = 'spiffe://example.org/ns/team-a/objective/objective-a';
    await create(
      pool(),
      objective(),
      { ...binding('chat'), status: readyStatus(spiffeID) },
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'chat-0', labels: { app: 'model-server' } },
        spec: createPod().spec,
      },
    );
    const name = 'kleym-team-a-chat-objective-';
    const words = await read('/namespaces/team-a/bindings/chat');
    expect(words).toContain(`SPIFFE ID
${spiffeID}
Selectors
k8s:container-name:main
k8s:ns:team-a
k8s:pod-label:app:model-server
k8s:sa:inference-sa`);
    expect(words).toContain('Service account\ninference-sa\nContainer\nmain');
    expect(words).toContain('InferencePool in inference.networking.k8s.io\nfound');
    expect(words).toContain(`Name\n${name}`);
    expect(words).toContain('In the cluster\nnone');
    expect(words).toContain('Matched pods\n1\nteam-a/chat-0 container=main');
    expect(words).toContain('Claim\nnone');
  });

  test('shows the counts of SPIRE with what they do not prove', async () => {
    const { create, read } = await useConsole();
    const labels = {
      'kleym.sonda.red/managed-by': 'kleym',
      'kleym.sonda.red/binding-namespace': 'team-a',
      'kleym.sonda.red/binding-name': 'chat',
    };
    await create(pool(), objective(), binding('chat'), {
      ...output('kleym-team-a-chat', { hint: 'team-a/chat' }, { labels }),
      status: { stats: { podsSelected: 3, entriesToSet: 2, entryFailures: 1 } },
    });
    const words = await read('/namespaces/team-a/bindings/chat');
    expect(words).toContain(
      'kleym-team-a-chat, differs from what is renderedSPIRE Controller Manager counts: 1 entries that SPIRE refused, 3 pods selected, 2 entries to set\n(counts may be old, and do not prove that a workload can fetch the identity)',
    );
  });

  test('shows its Events, the latest first', async () => {
    const { create, read } = await useConsole();
    await create(
      binding('chat'),
      event('a', 'IdentityCollision', '2026-01-02T03:04:05Z'),
      event('b', 'IdentityCollisionResolved', '2026-01-02T04:04:05Z'),
    );
    expect(await read('/namespaces/team-a/bindings/chat')).toContain(`2026-01-02 04:04:05 UTC
Warning
IdentityCollisionResolved
IdentityCollisionResolved happened
2026-01-02 03:04:05 UTC
Warning
IdentityCollision
IdentityCollision happened`);
  });

  test('that is not there is not found, and what was meant is said', async () => {
    const { ask, create } = await useConsole();
    await create(binding('chat'));
    const answer = await ask('/namespaces/team-a/bindings/caht');
    expect(answer.status).toBe(404);
    expect(await answer.text()).toContain('There is no such InferenceIdentityBinding; did you mean chat?');
  });
});
