import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { refusedStatus, useConsole } from '../../test/support/console.ts';
import { readDefinitions } from '../../local/crds/definitions.ts';
import { binding, objective, output, pool } from '../../test/support/manifests.ts';
import { podManifest } from '../../test/support/pods.ts';

const attack = `"><script>alert(1)</script><img src=x onerror=alert(1)>'\${7*7}</title></svg></main>`;

/** The definitions without what admission checks, as on a cluster where somebody has replaced them. */
async function readOpenDefinitions(): Promise<string[]> {
  const definitions = await readDefinitions();
  return definitions.map((text) => {
    const definition = parse(text) as { spec: { versions: { schema: object }[] } };
    for (const version of definition.spec.versions)
      version.schema = {
        openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      };
    return stringify(definition);
  });
}

/** Tags that are not the console's own: whoever gets one in could do anything that is left to do. */
function findForeign(html: string): string[] {
  const scripts = html.match(/<script(?! src="\/console\.js" type="module"><\/script>)[^>]*>/g) ?? [];
  const others = html.match(/<(img|iframe|object|embed|style|base)\b[^>]*>/g) ?? [];
  const handlers = html.match(/<[^>"]*(?:"[^"]*"[^>"]*)*\son\w+=/g) ?? [];
  const links = [...html.matchAll(/(?:href|src|action)="([^"]*)"/g)].map(([, to = '']) => to);
  return [...scripts, ...others, ...handlers, ...links.filter((to) => !/^(\/(?!\/)|#main$)/.test(to))];
}

describe('whatever tenants write is text', async () => {
  const { create, see, ask } = await useConsole(await readOpenDefinitions());
  const peers = [
    { name: attack, uid: 'u', reason: 'IdentityCollision' },
    { name: 'draft', uid: 'u', reason: 'PossibleOverlap' },
  ];
  const status = refusedStatus(attack, attack, {
    conflicts: peers,
    trustDomain: attack,
    clusterSPIFFEIDClassName: attack,
    claim: {
      kind: 'creating',
      name: attack,
      serviceAccountName: attack,
      nonce: 'n',
      at: '2026-01-01T00:00:00Z',
    },
    computedSpiffeIDs: [{ mode: 'PerObjective', spiffeID: `spiffe://example.org/${attack}` }],
  });
  const labels = {
    'kleym.sonda.red/managed-by': 'kleym',
    'kleym.sonda.red/binding-namespace': 'team-a',
    'kleym.sonda.red/binding-name': 'chat',
  };
  await create(
    pool('pool-a', { app: attack }),
    objective('objective-a', { name: attack }),
    {
      ...binding('chat', {
        poolRef: { name: attack },
        objectiveRef: { name: attack },
        serviceAccountName: attack,
        containerName: attack,
        containerImage: attack,
      }),
      status,
    },
    { ...binding('draft'), status },
    { ...output('kleym-team-a-chat', { hint: 'team-a/chat', spiffeIDTemplate: attack }, { labels }) },
    output('somebody-elses', { spiffeIDTemplate: attack }),
    {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'e' },
      type: attack,
      reason: attack,
      message: attack,
      involvedObject: { kind: 'InferenceIdentityBinding', name: 'chat', namespace: 'team-a' },
    },
    podManifest({ name: 'chat-0', namespace: 'team-a', containers: [attack] }),
  );
  const asked = encodeURIComponent(attack);

  test.each([
    '/',
    '/namespaces/team-a',
    `/namespaces/team-a?pool=${asked}`,
    '/namespaces/team-a/bindings/chat',
    '/namespaces/team-a/bindings/draft',
    `/namespaces/team-a/bindings/${asked}`,
    `/namespaces/${asked}`,
    `/search?q=${asked}&reason=${asked}&namespace=${asked}&state=${asked}&page=${asked}`,
    '/search',
    '/why?namespace=team-a&pod=chat-0',
    `/why?namespace=team-a&serviceAccount=${asked}&container=${asked}&image=${asked}`,
    `/why?namespace=team-a&labels=${asked}`,
    `/why?namespace=${asked}&pod=${asked}`,
    `/${asked}`,
  ])('%s', async (path) => {
    const html = await see(path);
    expect(findForeign(html)).toEqual([]);
    expect(html.match(/<\/main>/g)).toHaveLength(1);
    expect(html.match(/<title>/g)?.length).toBeGreaterThan(0);
  });

  test('the attack is on the pages, so that this proves something', async () => {
    const shown = '&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;';
    for (const path of [
      '/',
      '/namespaces/team-a',
      '/namespaces/team-a/bindings/chat',
      '/search',
      `/search?q=${asked}`,
    ])
      expect({ path, html: await see(path) }).toEqual({ path, html: expect.stringContaining(shown) });
    expect(await see('/why?namespace=team-a&pod=chat-0')).toContain(shown);
  });

  test('and no header', async () => {
    const { headers } = await ask(`/search?q=${asked}%0d%0aset-cookie:%20a=b`);
    expect(headers.get('set-cookie')).toBeNull();
  });
});
