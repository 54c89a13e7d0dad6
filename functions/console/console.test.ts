import { describe, expect, test } from 'vitest';
import { useConsole } from '../../test/support/console.ts';

describe('every answer', () => {
  test('lets a browser load nothing but the console itself, and show it nowhere else', async () => {
    const { ask } = await useConsole();
    for (const path of ['/', '/console.css', '/console.js', '/nowhere', '/healthz']) {
      const { headers } = await ask(path);
      expect(headers.get('content-security-policy')).toBe(
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
      );
      expect(Object.fromEntries(headers)).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'same-origin',
        'cache-control': 'private, no-cache',
      });
      expect(headers.get('set-cookie')).toBeNull();
    }
  });

  test('is 304 to who has it already, with the same tag', async () => {
    const { ask } = await useConsole();
    const first = await ask('/');
    const etag = first.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[0-9a-f]{40}"$/);
    const second = await ask('/', { headers: { 'if-none-match': etag } });
    expect({ status: second.status, etag: second.headers.get('etag'), text: await second.text() }).toEqual({
      status: 304,
      etag,
      text: '',
    });
    expect(await (await ask('/', { headers: { 'if-none-match': '"another"' } })).text()).toBe(
      await first.text(),
    );
  });
});

describe('a request', () => {
  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACEROUTE'])('%s is refused', async (method) => {
    const { ask } = await useConsole();
    const answer = await ask('/', { method });
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('GET, HEAD');
  });

  test('HEAD is answered like GET, without a body', async () => {
    const { ask } = await useConsole();
    const [head, get] = [await ask('/', { method: 'HEAD' }), await ask('/')];
    expect(head.status).toBe(200);
    expect(head.headers.get('etag')).toBe(get.headers.get('etag'));
    expect(await head.text()).toBe('');
  });

  test.each([
    ['localhost', 200],
    ['localhost:8080', 200],
    ['LOCALHOST:1', 200],
    ['evil.example', 421],
    ['localhost.evil.example', 421],
    ['evil.example:localhost', 421],
    ['localhost@evil.example', 421],
    ['', 421],
  ])('for host "%s" is answered %i', async (host, status) => {
    const { app } = await useConsole();
    expect((await app.request('/', { headers: { host } })).status).toBe(status);
  });

  test('of a probe may name any host', async () => {
    const { app } = await useConsole();
    const answer = await app.request('/healthz', { headers: { host: '10.0.0.7:8080' } });
    expect([answer.status, await answer.text()]).toEqual([200, 'ok\n']);
  });

  test.each([
    '/namespaces/%E0%A4%A',
    '/namespaces/%00/bindings/%ff',
    '/search?q=%ff%00',
    '/why?namespace=%ff',
  ])('%s is answered without a failure', async (path) => {
    const { ask } = await useConsole();
    expect([200, 404]).toContain((await ask(path)).status);
  });

  test('for a page that there is not is answered with a page', async () => {
    const { ask } = await useConsole();
    const answer = await ask('/%3Cscript%3Ealert(1)%3C/script%3E');
    expect(answer.status).toBe(404);
    expect(await answer.text()).not.toContain('alert(1)');
  });
});

test('without the CRD of bindings the console says so, and that it may be asked again', async () => {
  const { ask } = await useConsole([]);
  const answer = await ask('/');
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
  expect(await answer.text()).toContain('the InferenceIdentityBinding CRD is not installed');
});
