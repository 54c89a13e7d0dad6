import { type BindingSpec, toEffectiveMode } from '../api/binding.ts';
import { type Outcome, done, refused } from '../api/outcome.ts';
import { parseTrustDomain } from './trust-domain.ts';

const segmentPattern = /^[a-zA-Z0-9._-]+$/;
// SPIFFE-ID specification, section 2.3: the length that every implementation must support, and none may exceed.
const maxBytes = 2048;

/** The SPIFFE ID that a binding asks for. It follows from the spec alone, whether its references exist or not. */
export function renderSpiffeId(trustDomain: string, namespace: string, spec: BindingSpec): Outcome<string> {
  const domain = parseTrustDomain(trustDomain);
  if (domain.kind === 'refused') return domain;

  const subject = toSubject(spec);
  if (subject.kind === 'refused') return subject;

  const segments = ['ns', namespace, ...subject.value];
  const wrong = segments.find((segment) => !isSegment(segment));
  if (wrong !== undefined) return invalid(`"${wrong}" cannot be a segment of a SPIFFE ID's path`);

  const spiffeId = `spiffe://${domain.value}/${segments.join('/')}`;
  if (spiffeId.length > maxBytes)
    return invalid(`it is ${spiffeId.length} bytes long, at most ${maxBytes} are allowed`);
  return done(spiffeId);
}

function toSubject(spec: BindingSpec): Outcome<readonly [string, string]> {
  if (toEffectiveMode(spec) === 'PoolOnly') return done(['pool', spec.poolRef.name.trim()]);
  if (spec.objectiveRef) return done(['objective', spec.objectiveRef.name.trim()]);
  return refused(
    'RenderFailure',
    'MissingObjectiveRef',
    'objectiveRef is required when mode is PerObjective',
  );
}

function isSegment(text: string): boolean {
  return segmentPattern.test(text) && text !== '.' && text !== '..';
}

function invalid(why: string): Outcome<never> {
  return refused('RenderFailure', 'InvalidSpiffeID', `the SPIFFE ID cannot be rendered: ${why}`);
}
