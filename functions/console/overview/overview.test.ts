import { describe, expect, test } from 'vitest';
import { readyStatus, refusedStatus, useConsole } from '../../../test/support/console.ts';
import type { Manifest } from '../../../test/support/kube-client.ts';
import { binding } from '../../../test/support/manifests.ts';

function inNamespace(namespace: string, manifest: Manifest, status?: object): Manifest {
  return { ...manifest, metadata: { ...manifest.metadata, namespace }, ...(status && { status }) };
}

const ready = readyStatus('spiffe://example.org/ns/team-a/objective/objective-a');
const refused = refusedStatus('IdentityCollision', 'identity collision with bindings draft');

describe('the overview', () => {
  test('says that there is nothing yet', async () => {
    const { read } = await useConsole();
    expect(await read('/')).toContain('There is no InferenceIdentityBinding yet.');
  });

  test('counts by state and namespace, and shows first what needs somebody, and what helps', async () => {
    const { create, read } = await useConsole();
    await create(
      inNamespace('team-a', binding('fine'), ready),
      inNamespace('team-b', binding('chat'), refused),
      inNamespace('team-b', binding('unseen')),
    );
    expect(await read('/')).toBe(`Overview
1 ✕ refused
1 ◷ waiting
1 ✓ ready
3 bindings in all
What needs somebody
IdentityCollision
1 give one of them another container, service account or pool, or each of them another value in podLabels; make one PoolOnly, or delete one
NotEvaluated
1 correct that first
Binding
State
Pool
Objective
SPIFFE ID, or why there is none
team-b
/ chat
✕ refused
pool-a
objective-a
IdentityCollision identity collision with bindings draft
team-b
/ unseen
◷ waiting
pool-a
objective-a
no function has looked at this binding yet
Namespaces
Namespace
refused
waiting
ready
in all
team-b
1
1
0
2
team-a
0
0
1
1
Installation
Trust domain
example.org
Class
none
Functions
Knative Serving is not installed
Last sweep
none has reported yet`);
  });

  test('leads to every list that it sums up', async () => {
    const { create, see } = await useConsole();
    await create(inNamespace('team-b', binding('chat'), refused));
    const links = [...(await see('/')).matchAll(/href="([^"]+)"/g)].map(([, to]) => to);
    expect(links).toEqual(
      expect.arrayContaining([
        '/search?state=refused',
        '/search?reason=IdentityCollision',
        '/namespaces/team-b',
        '/namespaces/team-b/bindings/chat',
      ]),
    );
  });

  test('has 50 namespaces on a page, and no page behind the last one', async () => {
    const { create, see } = await useConsole();
    for (let index = 0; index < 51; index++) await create(inNamespace(`team-${index}`, binding()));
    const first = await see('/');
    expect(first.match(/<th scope="row" class="name"><a href="\/namespaces\/team-\d+">/g)).toHaveLength(
      50 + 12,
    );
    expect(first).toContain('Page 1 of 2 (51 namespaces)');
    for (const page of ['2', '3', '999999'])
      expect(await see(`/?page=${page}`)).toContain('Page 2 of 2 (51 namespaces)');
    for (const page of ['0', '-1', '1e3', 'x'])
      expect(await see(`/?page=${page}`)).toContain('Page 1 of 2 (51 namespaces)');
  });

  test('says what the sweep reported', async () => {
    const { create, read } = await useConsole();
    await create({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'kleym-sweep', namespace: 'kleym-system' },
      data: {
        lookedAt: '2026-01-02T03:04:05Z',
        namespaces: '7',
        'found.orphan': '1',
        since: '2026-01-01T00:00:00Z',
        'total.lost-event': '2',
        'total.orphan': '1',
      },
    });
    expect(await read('/')).toContain(`Last sweep
2026-01-02 03:04:05 UTC, 7 namespaces: 1 orphan
Repaired since
2026-01-01 00:00:00 UTC:`);
    expect(await read('/')).toContain('1 orphan an output whose binding is gone');
  });

  test('says that bindings were evaluated under different settings', async () => {
    const { create, read } = await useConsole();
    await create(
      inNamespace('team-a', binding('fine'), ready),
      inNamespace('team-a', binding('other'), { ...ready, trustDomain: 'other.org' }),
    );
    expect(await read('/')).toContain('MixedSettings bindings were evaluated under different settings');
  });
});
