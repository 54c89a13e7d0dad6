import { type Outcome, done, refused } from '../api/outcome.ts';

// SPIFFE-ID specification, sections 2.1 and 2.3.
const trustDomainPattern = /^[a-z0-9._-]{1,255}$/;

/** Checks the name of a trust domain. Nothing is trimmed or lowered: SPIRE compares what was written. */
export function parseTrustDomain(text: string): Outcome<string> {
  if (text === '') {
    return refused(
      'RenderFailure',
      'MissingTrustDomain',
      'trustDomain must be configured before Kleym can render SPIFFE IDs',
    );
  }
  if (trustDomainPattern.test(text)) return done(text);
  return refused(
    'RenderFailure',
    'InvalidTrustDomain',
    `trustDomain "${text}" is not a SPIFFE trust domain: expected 1 to 255 characters out of a-z, 0-9, ".", "_" and "-", without scheme, path or blanks`,
  );
}
