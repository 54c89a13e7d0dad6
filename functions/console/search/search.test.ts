import { describe, expect, test } from 'vitest';
import { readyStatus, refusedStatus, useConsole } from '../../../test/support/console.ts';
import { binding, objective, pool } from '../../../test/support/manifests.ts';

describe('the search', async () => {
  const { create, read, see } = await useConsole();
  const other = binding('draft', { serviceAccountName: 'other-sa', containerName: 'drafts' });
  await create(
    pool(),
    pool('spare'),
    objective(),
    { ...binding('chat'), status: readyStatus('spiffe://example.org/ns/team-a/objective/objective-a') },
    {
      ...other,
      metadata: { ...other.metadata, namespace: 'team-b' },
      status: refusedStatus('UnsafePool', 'x'),
    },
  );
  const foundBy = async (query: string) => {
    const html = await see(`/search?${query}`);
    return [...html.matchAll(/href="(\/namespaces\/[^"?]*\/bindings\/[^"]*)"/g)].map(([, path]) => path);
  };
  const [chat, draft] = ['/namespaces/team-a/bindings/chat', '/namespaces/team-b/bindings/draft'];

  test.each([
    ['q=CHAT', [chat]],
    ['q=team-b', [draft]],
    ['q=team-b/draft', [draft]],
    ['q=other-sa', [draft]],
    ['q=drafts', [draft]],
    ['q=objective/objective-a', [chat]],
    ['q=pool-a', [draft, chat]],
    ['q=pool-a+draft', [draft]],
    ['q=nowhere', []],
    ['', [draft, chat]],
    ['state=refused', [draft]],
    ['state=nonsense', [draft, chat]],
    ['reason=UnsafePool', [draft]],
    ['namespace=team-a', [chat]],
    ['q=pool-a&namespace=team-a&state=refused', []],
  ])('%s finds %j', async (query, expected) => {
    expect(await foundBy(query)).toEqual(expected);
  });

  test('finds pools, objectives and namespaces, too', async () => {
    expect(await read('/search?q=spare')).toContain('Pools and objectives\nInferencePool team-a/spare');
    expect(await read('/search?q=team-b')).toContain('Namespaces\nteam-b');
  });

  test('of many has 50 on a page, and keeps the search from page to page', async () => {
    const many = await useConsole();
    for (let index = 0; index < 51; index++) await many.create(binding(`b-${index}`));
    const html = await many.see('/search?q=pool-a&page=2');
    expect(html).toContain('Page 2 of 2 (51 bindings)');
    expect(html).toContain('href="/search?q=pool-a&amp;page=1"');
  });
});
