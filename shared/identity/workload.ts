import { type BindingSpec, toEffectiveMode } from '../api/binding.ts';
import { type Outcome, done, refused } from '../api/outcome.ts';
import type { RefusalReason } from '../api/reasons.ts';
import { isDnsLabel, isDnsSubdomain } from './object-names.ts';

/** What narrows an identity beyond its pool: the service account always, a container or its image per objective. */
export interface Workload {
  readonly serviceAccountName: string;
  readonly container?: string;
  readonly image?: string;
}

// The grammar of image references: without a dot or a port, the first component is not a registry.
const host = '[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?';
const registry = String.raw`(localhost|${host}(\.${host})+|${host}(\.${host})*:[0-9]+)`;
const component = '[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*';
// SPIRE compares images letter by letter with what the node reports, and a tag is not what a node reports reliably.
const digestPattern = new RegExp(`^${registry}(/${component})+@sha256:[a-f0-9]{64}$`);
const maxImageLength = 512;

/** Checks what the binding says about the workload. Nothing is trimmed: SPIRE would compare what was written. */
export function parseWorkload(spec: BindingSpec): Outcome<Workload> {
  const { serviceAccountName } = spec;
  if (!isDnsSubdomain(serviceAccountName)) {
    return unrendered(
      'InvalidServiceAccountName',
      `serviceAccountName "${serviceAccountName}" is not the name of a service account: expected lower case letters, digits, "-" and ".", without blanks`,
    );
  }
  return toEffectiveMode(spec) === 'PoolOnly' ? parsePoolWorkload(spec) : parseObjectiveWorkload(spec);
}

function parsePoolWorkload({
  serviceAccountName,
  containerName,
  containerImage,
}: BindingSpec): Outcome<Workload> {
  if (containerName)
    return unrendered('UnexpectedContainerName', 'containerName must be empty when mode is PoolOnly');
  if (containerImage)
    return unrendered('UnexpectedContainerImage', 'containerImage must be empty when mode is PoolOnly');
  return done({ serviceAccountName });
}

function parseObjectiveWorkload({
  serviceAccountName,
  containerName,
  containerImage,
}: BindingSpec): Outcome<Workload> {
  if (!containerName && !containerImage) {
    return unrendered(
      'MissingContainerDiscriminator',
      'containerName or containerImage is required when mode is PerObjective',
    );
  }
  if (containerName && !isDnsLabel(containerName)) {
    return unrendered(
      'InvalidContainerName',
      `containerName "${containerName}" is not the name of a container: expected up to 63 lower case letters, digits and "-", without blanks`,
    );
  }
  if (containerImage && !isDigestReference(containerImage)) {
    return unrendered(
      'InvalidContainerImage',
      `containerImage "${containerImage}" is not a fully qualified digest reference: expected registry/repository@sha256:<64 hex digits>`,
    );
  }
  return done({
    serviceAccountName,
    ...(containerName && { container: containerName }),
    ...(containerImage && { image: containerImage }),
  });
}

function isDigestReference(text: string): boolean {
  return text.length <= maxImageLength && digestPattern.test(text);
}

function unrendered(reason: RefusalReason<'RenderFailure'>, message: string): Outcome<never> {
  return refused('RenderFailure', reason, message);
}
