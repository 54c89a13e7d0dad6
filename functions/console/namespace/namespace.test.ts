import { describe, expect, test } from 'vitest';
import { readyStatus, refusedStatus, useConsole } from '../../../test/support/console.ts';
import { binding, objective, pool, poolBinding } from '../../../test/support/manifests.ts';

const ready = readyStatus('spiffe://example.org/ns/team-a/objective/objective-a');

function collidesWith(name: string): object {
  return refusedStatus('IdentityCollision', `identity collision with bindings ${name}`, {
    conflicts: [{ name, uid: 'u', reason: 'IdentityCollision' }],
  });
}

/** The names of what is drawn, in the order in which the keyboard comes by. */
function boxesOf(html: string): string[] {
  return [...html.matchAll(/<(?:a|g) class="box (\w+) (\w+)"(?: href="[^"]*"><title>([^<]*))?/g)].map(
    ([, kind, state, label = 'hole']) => `${kind} ${state}: ${label}`,
  );
}

describe('a namespace is drawn', () => {
  test('with what its bindings refer to and come to, and with holes for what is missing', async () => {
    const { create, see } = await useConsole();
    await create(
      pool(),
      objective(),
      { ...binding('chat'), status: ready },
      {
        ...binding('lost', { poolRef: { name: 'nowhere' } }),
        status: refusedStatus('TargetPoolNotFound', 'x'),
      },
      binding('unseen', { objectiveRef: { name: 'later' } }),
    );
    expect(boxesOf(await see('/namespaces/team-a'))).toEqual([
      'pool missing: pool nowhere: not there',
      'pool plain: pool pool-a',
      'objective missing: objective later: not there',
      'objective plain: objective objective-a',
      'binding failed: binding lost: TargetPoolNotFound',
      'binding pending: binding unseen: not evaluated',
      'binding ready: binding chat',
      'identity missing: hole',
      'identity missing: hole',
      'identity plain: identity spiffe://example.org/ns/team-a/objective/objective-a',
    ]);
  });

  test('with a bow between two that collide, once, and another one where they only may overlap', async () => {
    const { create, see } = await useConsole();
    const overlap = { conflicts: [{ name: 'chat', uid: 'u', reason: 'PossibleOverlap' }] };
    await create(
      pool(),
      objective(),
      { ...binding('chat'), status: collidesWith('draft') },
      { ...binding('draft'), status: collidesWith('chat') },
      { ...poolBinding('all'), status: readyStatus('spiffe://example.org/ns/team-a/pool/pool-a', overlap) },
    );
    const html = await see('/namespaces/team-a');
    expect(
      [...html.matchAll(/class="conflict (\w+)".*?<title>([^<]*)/g)].map(([, how, who]) => [how, who]),
    ).toEqual([
      ['overlap', 'all and chat may overlap'],
      ['collision', 'chat and draft collide'],
    ]);
  });

  test('in words below the picture, and with the pools that nobody names', async () => {
    const { create, read } = await useConsole();
    await create(pool(), pool('spare'), objective(), { ...binding('chat'), status: ready });
    const words = await read('/namespaces/team-a');
    expect(words).toContain(
      'chat\n✓ ready\npool-a\nobjective-a\nspiffe://example.org/ns/team-a/objective/objective-a',
    );
    expect(words).toContain('No binding names pool spare.');
  });

  test('where there is nothing, and where there can be nothing', async () => {
    const { ask, read } = await useConsole();
    expect(await read('/namespaces/empty')).toContain('There is no such InferenceIdentityBinding');
    for (const name of ['Team', '..%2Fsecrets', '%3Cb%3E', 'a'.repeat(254)])
      expect((await ask(`/namespaces/${name}`)).status).toBe(404);
  });
});

describe('a namespace of many', async () => {
  const { create, see, read } = await useConsole();
  await create(pool(), pool('pool-b'), objective());
  for (let index = 0; index < 90; index++) {
    const poolRef = { name: index < 85 ? 'pool-a' : 'pool-b' };
    const status = index === 84 ? refusedStatus('IdentityCollision', 'collides') : ready;
    await create({ ...binding(`b-${index}`, { poolRef }), status });
  }

  test('is a line for each pool, which opens', async () => {
    const html = await see('/namespaces/team-a');
    expect(html).not.toContain('class="box');
    expect(html).toContain('href="/namespaces/team-a?pool=pool-a"');
    expect(await read('/namespaces/team-a')).toContain('pool-a\n1\n0\n84\n85\npool-b\n0\n0\n5\n5');
  });

  test('has 40 bindings of an open pool on a page, what needs somebody on the first', async () => {
    const html = await see('/namespaces/team-a?pool=pool-a');
    expect(html.match(/class="box binding/g)).toHaveLength(40);
    expect(html).toContain('class="box binding failed" href="/namespaces/team-a/bindings/b-84"');
    expect(html).toContain('href="/namespaces/team-a?pool=pool-a&amp;page=2"');
    const last = await see('/namespaces/team-a?pool=pool-a&page=99');
    expect(last.match(/class="box binding/g)).toHaveLength(5);
  });

  test('is drawn at once where few are asked for', async () => {
    expect(
      boxesOf(await see('/namespaces/team-a?state=refused')).filter((box) => box.startsWith('binding')),
    ).toEqual(['binding failed: binding b-84: IdentityCollision']);
    expect(await read('/namespaces/team-a?pool=pool-b&state=refused')).toContain('There is no such');
  });
});
