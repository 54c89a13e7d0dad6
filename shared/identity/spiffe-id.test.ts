import { describe, expect, test } from 'vitest';
import { perObjective, poolOnly } from '../../test/support/inference.ts';
import { renderSpiffeId } from './spiffe-id.ts';

describe('the SPIFFE ID', () => {
  test('of an objective stands under the trust domain and the namespace', () => {
    expect(renderSpiffeId('example.org', 'default', perObjective)).toEqual({
      kind: 'done',
      value: 'spiffe://example.org/ns/default/objective/objective-a',
    });
  });

  test('of a pool stands under the trust domain and the namespace', () => {
    expect(renderSpiffeId('example.org', 'default', poolOnly)).toEqual({
      kind: 'done',
      value: 'spiffe://example.org/ns/default/pool/pool-a',
    });
  });

  test('is an objective’s where no mode is given', () => {
    const { mode: _mode, ...spec } = perObjective;
    expect(renderSpiffeId('example.org', 'default', spec)).toMatchObject({
      value: 'spiffe://example.org/ns/default/objective/objective-a',
    });
  });

  test('is a pool’s in PoolOnly, whatever objective is named', () => {
    const spec = { ...poolOnly, objectiveRef: { name: 'objective-a' } };
    expect(renderSpiffeId('example.org', 'default', spec)).toMatchObject({
      value: 'spiffe://example.org/ns/default/pool/pool-a',
    });
  });

  test('has no blanks that surround the name of a reference', () => {
    const spec = { ...poolOnly, poolRef: { name: ' pool-a\n' } };
    expect(renderSpiffeId('example.org', 'default', spec)).toMatchObject({
      value: 'spiffe://example.org/ns/default/pool/pool-a',
    });
  });

  test.each(['A', 'a_b', 'a.b', 'a..b', '...', '-', '0', 'a'.repeat(253)])('may end in %s', (name) => {
    expect(renderSpiffeId('example.org', 'default', { ...poolOnly, poolRef: { name } })).toMatchObject({
      value: `spiffe://example.org/ns/default/pool/${name}`,
    });
  });

  test.each([
    '',
    ' ',
    '.',
    '..',
    'a/b',
    'a b',
    'a%2fb',
    'ä',
    'a\0b',
    'a?b',
    'a#b',
    'a~b',
    'a:b',
    '{{.PodMeta.Name}}',
  ])('cannot end in %j', (name) => {
    expect(renderSpiffeId('example.org', 'default', { ...poolOnly, poolRef: { name } })).toEqual({
      kind: 'refused',
      condition: 'RenderFailure',
      reason: 'InvalidSpiffeID',
      message: `the SPIFFE ID cannot be rendered: "${name.trim()}" cannot be a segment of a SPIFFE ID's path`,
      retry: false,
    });
  });

  test('cannot hold a namespace that is no segment of a path', () => {
    expect(renderSpiffeId('example.org', '..', poolOnly)).toMatchObject({
      reason: 'InvalidSpiffeID',
      message: 'the SPIFFE ID cannot be rendered: ".." cannot be a segment of a SPIFFE ID\'s path',
    });
  });

  test('may be 2048 bytes long, and no longer', () => {
    const start = 'spiffe://example.org/ns/default/pool/';
    const name = 'p'.repeat(2048 - start.length);
    expect(renderSpiffeId('example.org', 'default', { ...poolOnly, poolRef: { name } }).kind).toBe('done');
    expect(
      renderSpiffeId('example.org', 'default', { ...poolOnly, poolRef: { name: `${name}p` } }),
    ).toMatchObject({
      reason: 'InvalidSpiffeID',
      message: 'the SPIFFE ID cannot be rendered: it is 2049 bytes long, at most 2048 are allowed',
    });
  });

  test('needs a trust domain', () => {
    expect(renderSpiffeId('', 'default', poolOnly)).toEqual({
      kind: 'refused',
      condition: 'RenderFailure',
      reason: 'MissingTrustDomain',
      message: 'trustDomain must be configured before Kleym can render SPIFFE IDs',
      retry: false,
    });
  });

  test.each(['Example.ORG', 'a b', '{{x}}', 'a'.repeat(300)])(
    'needs a trust domain that SPIFFE allows, which %s is not',
    (trustDomain) => {
      expect(renderSpiffeId(trustDomain, 'default', poolOnly)).toMatchObject({
        reason: 'InvalidTrustDomain',
      });
    },
  );

  test('needs an objective in PerObjective', () => {
    const { objectiveRef: _objective, ...spec } = perObjective;
    expect(renderSpiffeId('example.org', 'default', spec)).toEqual({
      kind: 'refused',
      condition: 'RenderFailure',
      reason: 'MissingObjectiveRef',
      message: 'objectiveRef is required when mode is PerObjective',
      retry: false,
    });
  });
});
