import { describe, expect, test } from 'vitest';
import { parseTrustDomain } from './trust-domain.ts';

describe('a trust domain', () => {
  test.each(['example.org', 'kleym.sonda.red', 'a', '1', 'under_score', 'dash-ed', 'a'.repeat(255)])(
    '%s is taken as it is written',
    (text) => {
      expect(parseTrustDomain(text)).toEqual({ kind: 'done', value: text });
    },
  );

  test.each([
    ['a scheme', 'spiffe://example.org'],
    ['a path', 'example.org/ns'],
    ['a trailing slash', 'example.org/'],
    ['a port', 'example.org:8443'],
    ['a blank before it', ' example.org'],
    ['a blank behind it', 'example.org '],
    ['a line end', 'example.org\n'],
    ['nothing but a blank', ' '],
    ['upper case', 'Example.org'],
    ['letters outside of ASCII', 'exämple.org'],
    ['a template', '{{.TrustDomain}}'],
    ['256 characters', 'a'.repeat(256)],
  ])('with %s is refused', (_what, text) => {
    expect(parseTrustDomain(text)).toMatchObject({
      kind: 'refused',
      condition: 'RenderFailure',
      reason: 'InvalidTrustDomain',
      message: expect.stringContaining(`"${text}"`),
      retry: false,
    });
  });

  test('that is not configured has its own reason', () => {
    expect(parseTrustDomain('')).toEqual({
      kind: 'refused',
      condition: 'RenderFailure',
      reason: 'MissingTrustDomain',
      message: 'trustDomain must be configured before Kleym can render SPIFFE IDs',
      retry: false,
    });
  });
});
