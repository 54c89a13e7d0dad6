import { bindingResource } from '../shared/api/binding.ts';
import { toApiVersion } from '../shared/api/object-meta.ts';

/** A binding that somebody applies, and what the API server says to it. */
export interface AdmissionCase {
  /** What becomes of which binding, as a sentence. */
  readonly title: string;
  readonly name: string;
  readonly spec: Readonly<Record<string, unknown>>;
  /** What is wrong with it, each with its field; nothing: it is accepted. */
  readonly refusals: readonly Refusal[];
  /** What `renderIdentity` says to the same spec. It forgives blanks around the names of references. */
  readonly rendering: 'done' | 'refused';
}

/** One thing that is wrong with an object. */
export interface Refusal {
  readonly field: string;
  readonly message: string;
}

const perObjective = {
  poolRef: { name: 'pool-a' },
  objectiveRef: { name: 'objective-a' },
  serviceAccountName: 'inference-sa',
  mode: 'PerObjective',
  containerName: 'main',
};
const poolOnly = { poolRef: { name: 'pool-a' }, serviceAccountName: 'inference-sa', mode: 'PoolOnly' };
const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
const image = `registry.example.org/models/llama@${digest}`;

const needsObjective = {
  field: 'spec',
  message: 'objectiveRef is required when mode is PerObjective (including default mode)',
};
const needsContainer = {
  field: 'spec',
  message:
    'containerName is required when mode is PerObjective (including default mode), or containerImage in its place',
};
const noContainerName = { field: 'spec', message: 'containerName must be empty when mode is PoolOnly' };
const noContainerImage = { field: 'spec', message: 'containerImage must be empty when mode is PoolOnly' };
const badContainerName = {
  field: 'spec',
  message:
    "containerName must be the name of a container (lower case letters, digits and '-'), without blanks",
};
const badContainerImage = {
  field: 'spec',
  message:
    'containerImage must be a fully qualified digest reference, registry/repository@sha256:<64 hex digits>',
};
const badPoolName = {
  field: 'spec.poolRef',
  message:
    "poolRef.name must be the name of an InferencePool (lower case letters, digits, '-' and '.'), without blanks",
};
const badObjectiveName = {
  field: 'spec.objectiveRef',
  message:
    "objectiveRef.name must be the name of an InferenceObjective (lower case letters, digits, '-' and '.'), without blanks",
};
const badServiceAccount = {
  field: 'spec.serviceAccountName',
  message:
    "serviceAccountName must be the name of a service account (lower case letters, digits, '-' and '.'), without blanks",
};
const badLabelKey = {
  field: 'spec.podLabels',
  message: 'podLabels must have keys that a label can have, such as role or llm-d.ai/role',
};
const badLabelValue = {
  field: 'spec.podLabels',
  message:
    "podLabels must have values that a label can have (letters, digits, '-', '_' and '.'), and none that is empty",
};

/** Bindings that admission takes or refuses, with its exact words: the same on every API server. */
export function admissionCases(): readonly AdmissionCase[] {
  return [
    ...bindingCases(),
    ...modeCases(),
    ...referenceCases(),
    ...serviceAccountCases(),
    ...containerCases(),
    ...imageCases(),
    ...podLabelCases(),
  ];
}

/** The request by which a case is tried without leaving anything behind. */
export function toAdmissionRequest(
  { name, spec }: AdmissionCase,
  namespace: string,
): { readonly path: string; readonly body: string } {
  const apiVersion = toApiVersion(bindingResource);
  return {
    path: `/apis/${apiVersion}/namespaces/${namespace}/${bindingResource.plural}?dryRun=All`,
    body: JSON.stringify({ apiVersion, kind: bindingResource.kind, metadata: { name }, spec }),
  };
}

/** The claim of a binding, written into its status, and what the API server says to it. */
export interface ClaimCase {
  readonly title: string;
  readonly claim: Readonly<Record<string, unknown>>;
  readonly refusals: readonly Refusal[];
}

/** Claims that the functions can read, and some that would stop them. */
export function claimCases(): readonly ClaimCase[] {
  const claim = { name: 'kleym-default-binding-a-pool-ede236a0', serviceAccountName: 'inference-sa' };
  const at = '2026-01-01T00:00:00Z';
  const [creating, replacing, owning] = [
    needs('a claim that is creating needs nonce and at'),
    needs('a claim that is replacing needs uid and base'),
    needs('a claim that is owning needs uid'),
  ];
  return [
    { title: 'takes a claim to create', claim: { ...claim, kind: 'creating', nonce: 'n', at }, refusals: [] },
    {
      title: 'takes a claim to replace',
      claim: { ...claim, kind: 'replacing', uid: 'u', base: '1' },
      refusals: [],
    },
    { title: 'takes a claim to own', claim: { ...claim, kind: 'owning', uid: 'u', key: '{}' }, refusals: [] },
    {
      title: 'refuses a claim to create without a time',
      claim: { ...claim, kind: 'creating', nonce: 'n' },
      refusals: creating,
    },
    {
      title: 'refuses a claim to create without a nonce',
      claim: { ...claim, kind: 'creating', at },
      refusals: creating,
    },
    {
      title: 'refuses a claim to replace without a base',
      claim: { ...claim, kind: 'replacing', uid: 'u' },
      refusals: replacing,
    },
    {
      title: 'refuses a claim to replace without a uid',
      claim: { ...claim, kind: 'replacing', base: '1' },
      refusals: replacing,
    },
    { title: 'refuses a claim to own without a uid', claim: { ...claim, kind: 'owning' }, refusals: owning },
  ];
}

function needs(message: string): Refusal[] {
  return [{ field: 'status.claim', message }];
}

/** The merge patch by which a claim is tried on a binding that is there, without leaving anything behind. */
export function toClaimRequest(
  { claim }: ClaimCase,
  namespace: string,
  name: string,
): { readonly path: string; readonly body: string } {
  const collection = `/apis/${toApiVersion(bindingResource)}/namespaces/${namespace}/${bindingResource.plural}`;
  return { path: `${collection}/${name}/status?dryRun=All`, body: JSON.stringify({ status: { claim } }) };
}

/** What is wrong according to an answer of the API server, without what differs between its versions. */
export function readRefusals(answer: unknown): readonly Refusal[] {
  const { kind, details } = answer as {
    kind?: string;
    details?: { causes?: readonly { field: string; message: string }[] };
  };
  if (kind !== 'Status') return [];
  return (details?.causes ?? [])
    .filter(({ field }) => field !== '<nil>')
    .map(({ field, message }) => ({
      field,
      message: message.replace(/^(Invalid value|Unsupported value|Too long): ("([^"\\]|\\.)*": )?/, ''),
    }));
}

function accepted(title: string, spec: AdmissionCase['spec'], name = 'binding-a'): AdmissionCase {
  return { title, name, spec, refusals: [], rendering: 'done' };
}

function refused(title: string, spec: AdmissionCase['spec'], ...refusals: Refusal[]): AdmissionCase {
  return { title, name: 'binding-a', spec, refusals, rendering: 'refused' };
}

function bindingCases(): AdmissionCase[] {
  return [
    accepted('accepts a complete PerObjective binding', perObjective),
    accepted('accepts a complete PoolOnly binding', poolOnly),
    accepted('accepts a PoolOnly binding that also names an objective', {
      ...poolOnly,
      objectiveRef: { name: 'objective-a' },
    }),
    accepted('accepts a binding with a name of 253 characters', perObjective, 'b'.repeat(253)),
    accepted('accepts a binding with a dot in its name', perObjective, 'binding.a'),
    refused('refuses a binding that says nothing', {}, ...missing('poolRef', 'serviceAccountName')),
  ];
}

function modeCases(): AdmissionCase[] {
  const { mode: _mode, ...defaulted } = perObjective;
  const { objectiveRef: _objective, ...withoutObjective } = perObjective;
  const { containerName: _container, ...withoutContainer } = perObjective;
  const { objectiveRef: _other, ...defaultedWithoutObjective } = defaulted;
  return [
    accepted('takes an omitted mode for PerObjective', defaulted),
    refused('refuses PerObjective without an objective', withoutObjective, needsObjective),
    refused('refuses an omitted mode without an objective', defaultedWithoutObjective, needsObjective),
    refused('refuses PerObjective without a container', withoutContainer, needsContainer),
    refused(
      'refuses PerObjective with an empty container name',
      { ...perObjective, containerName: '' },
      needsContainer,
    ),
    refused(
      'refuses PerObjective with an empty image and no container name',
      { ...withoutContainer, containerImage: '' },
      needsContainer,
    ),
    accepted('accepts PerObjective with an image alone', { ...withoutContainer, containerImage: image }),
    accepted('accepts PerObjective with a container name and an image', {
      ...perObjective,
      containerImage: image,
    }),
    refused(
      'refuses PoolOnly with a container name',
      { ...poolOnly, containerName: 'main' },
      noContainerName,
    ),
    accepted('accepts PoolOnly with an empty container name', { ...poolOnly, containerName: '' }),
    refused('refuses PoolOnly with an image', { ...poolOnly, containerImage: image }, noContainerImage),
    refused(
      'refuses PoolOnly with a blank for a container name',
      { ...poolOnly, containerName: ' ' },
      noContainerName,
      badContainerName,
    ),
  ];
}

function referenceCases(): AdmissionCase[] {
  const poolNames = [
    'a/b',
    '..',
    '.',
    'Pool-a',
    'pool_a',
    'pool-a-',
    '-pool-a',
    'a..b',
    '{{.PodMeta.Name}}',
    'pöl',
  ];
  const blanks = [' pool-a', 'pool-a ', 'pool-a\n'];
  return [
    accepted('accepts references that name their groups', {
      ...perObjective,
      poolRef: { name: 'pool-a', group: 'inference.networking.k8s.io' },
      objectiveRef: { name: 'objective-a', group: 'llm-d.ai' },
    }),
    ...poolNames.map((name) =>
      refused(
        `refuses a pool called ${JSON.stringify(name)}`,
        { ...poolOnly, poolRef: { name } },
        badPoolName,
      ),
    ),
    ...poolNames.map((name) =>
      refused(
        `refuses an objective called ${JSON.stringify(name)}`,
        { ...perObjective, objectiveRef: { name } },
        badObjectiveName,
      ),
    ),
    ...blanks.map((name) => forgiven(`refuses ${JSON.stringify(name)} for a pool`, name)),
    refused('refuses a pool without a name', { ...poolOnly, poolRef: {} }, ...missing('poolRef.name')),
    refused(
      'refuses a pool with an empty name',
      { ...poolOnly, poolRef: { name: '' } },
      {
        field: 'spec.poolRef.name',
        message: 'spec.poolRef.name in body should be at least 1 chars long',
      },
      badPoolName,
    ),
    refused(
      'refuses a pool with a name of 254 characters',
      { ...poolOnly, poolRef: { name: 'p'.repeat(254) } },
      {
        field: 'spec.poolRef.name',
        message: 'may not be more than 253 bytes',
      },
    ),
    refused(
      'refuses a group that serves no pools',
      { ...poolOnly, poolRef: { name: 'pool-a', group: 'llm-d.ai' } },
      {
        field: 'spec.poolRef.group',
        message: 'supported values: "inference.networking.k8s.io", "inference.networking.x-k8s.io"',
      },
    ),
    refused(
      'refuses a group that serves no objectives',
      { ...perObjective, objectiveRef: { name: 'objective-a', group: 'example.com' } },
      {
        field: 'spec.objectiveRef.group',
        message:
          'supported values: "llm-d.ai", "inference.networking.x-k8s.io", "inference.networking.k8s.io"',
      },
    ),
  ];
}

/** Blanks around the name of a reference: the functions trim what a server without our CRD let through. */
function forgiven(title: string, name: string): AdmissionCase {
  return {
    title: `${title}, which the functions forgive`,
    name: 'binding-a',
    spec: { ...poolOnly, poolRef: { name } },
    refusals: [badPoolName],
    rendering: 'done',
  };
}

function serviceAccountCases(): AdmissionCase[] {
  const names = [
    'Invalid_ServiceAccount',
    ' inference-sa',
    'inference-sa ',
    'a:b',
    'sa-',
    'bad_service_account',
  ];
  return [
    accepted('accepts a service account with a dot in its name', { ...poolOnly, serviceAccountName: 'a.b' }),
    accepted('accepts a service account with a name of 253 characters', {
      ...poolOnly,
      serviceAccountName: 's'.repeat(253),
    }),
    ...names.map((serviceAccountName) =>
      refused(
        `refuses ${JSON.stringify(serviceAccountName)} for a service account`,
        { ...poolOnly, serviceAccountName },
        badServiceAccount,
      ),
    ),
    refused(
      'refuses an empty service account',
      { ...poolOnly, serviceAccountName: '' },
      {
        field: 'spec.serviceAccountName',
        message: 'spec.serviceAccountName in body should be at least 1 chars long',
      },
      badServiceAccount,
    ),
  ];
}

function containerCases(): AdmissionCase[] {
  const names = ['model_server', ' main', 'main ', 'Main', '-main', 'main-', 'a.b', '{{x}}'];
  return [
    accepted('accepts a container with a name of 63 characters', {
      ...perObjective,
      containerName: 'c'.repeat(63),
    }),
    ...names.map((containerName) =>
      refused(
        `refuses ${JSON.stringify(containerName)} for a container`,
        { ...perObjective, containerName },
        badContainerName,
      ),
    ),
    refused(
      'refuses a container with a name of 64 characters',
      { ...perObjective, containerName: 'c'.repeat(64) },
      {
        field: 'spec.containerName',
        message: 'may not be more than 63 bytes',
      },
    ),
  ];
}

function imageCases(): AdmissionCase[] {
  const good = [
    `docker.io/library/nginx@${digest}`,
    `localhost/model@${digest}`,
    `localhost:5000/model@${digest}`,
    `registry:5000/a/b/c@${digest}`,
    `GHCR.io/a__b/c-d/e.f@${digest}`,
  ];
  const bad = [
    'nginx',
    'docker.io/library/nginx:1.27',
    `nginx@${digest}`,
    `library/nginx@${digest}`,
    `docker.io/nginx:1.27@${digest}`,
    `docker.io/Nginx@${digest}`,
    `docker.io//nginx@${digest}`,
    `docker.io/a..b@${digest}`,
    `-docker.io/nginx@${digest}`,
    `registry:1:2/nginx@${digest}`,
    `docker-pullable://docker.io/nginx@${digest}`,
    `docker.io/nginx@${digest}0`,
    `docker.io/nginx@${digest.toUpperCase()}`,
    ` ${image}`,
    `${image} `,
    `${image}\n`,
    ` `,
    `docker.io/{{x}}@${digest}`,
  ];
  return [
    ...good.map((containerImage) =>
      accepted(`accepts the image ${containerImage}`, { ...perObjective, containerImage }),
    ),
    ...bad.map((containerImage) =>
      refused(
        `refuses the image ${JSON.stringify(containerImage)}`,
        { ...perObjective, containerImage },
        badContainerImage,
      ),
    ),
    refused(
      'refuses an image of 513 characters',
      { ...perObjective, containerImage: `a.b/${'c'.repeat(437)}@${digest}` },
      { field: 'spec.containerImage', message: 'may not be more than 512 bytes' },
    ),
  ];
}

function podLabelCases(): AdmissionCase[] {
  const keys = ['role', 'B', '1', 'a_b.c-d', 'llm-d.ai/role', `${'p'.repeat(253)}/${'n'.repeat(63)}`];
  const badKeys = [
    '',
    ' role',
    'role ',
    'role\n',
    '-role',
    'role:x',
    'rôle',
    '/role',
    'llm-d.ai/',
    'LLM-d.ai/role',
    'a/b/c',
    'a..b/c',
    'n'.repeat(64),
    `${'p'.repeat(254)}/n`,
    '{{.PodMeta.Name}}',
  ];
  const badValues = ['', ' ', ' prefill', 'prefill ', 'prefill\n', '-prefill', 'a/b', 'a:b', 'ä', '{{x}}'];
  return [
    accepted('accepts PoolOnly with a pod label', { ...poolOnly, podLabels: { role: 'prefill' } }),
    accepted('accepts pod labels that are none', { ...perObjective, podLabels: {} }),
    accepted('accepts eight pod labels', { ...perObjective, podLabels: toLabels(8) }),
    accepted('accepts a pod label with a value of 63 characters', {
      ...perObjective,
      podLabels: { role: 'v'.repeat(63) },
    }),
    ...keys.map((key) =>
      accepted(`accepts a pod label with the key ${key}`, {
        ...perObjective,
        podLabels: { [key]: 'A_b.c-1' },
      }),
    ),
    ...badKeys.map((key) =>
      refused(
        `refuses a pod label with the key ${JSON.stringify(key)}`,
        { ...perObjective, podLabels: { [key]: 'x' } },
        badLabelKey,
      ),
    ),
    ...badValues.map((value) =>
      refused(
        `refuses a pod label with the value ${JSON.stringify(value)}`,
        { ...perObjective, podLabels: { role: value } },
        badLabelValue,
      ),
    ),
    refused(
      'refuses a pod label with a value of 64 characters',
      { ...perObjective, podLabels: { role: 'v'.repeat(64) } },
      { field: 'spec.podLabels.role', message: 'may not be more than 63 bytes' },
    ),
    refused(
      'refuses nine pod labels',
      { ...perObjective, podLabels: toLabels(9) },
      { field: 'spec.podLabels', message: 'Too many: 9: must have at most 8 items' },
    ),
    refused(
      'refuses a number for a pod label',
      { ...perObjective, podLabels: { role: 1 } },
      {
        field: 'spec.podLabels.role',
        message: 'spec.podLabels.role in body must be of type string: "integer"',
      },
    ),
  ];
}

function toLabels(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`label-${index}`, 'x']));
}

function missing(...fields: string[]): Refusal[] {
  return fields.map((field) => ({ field: `spec.${field}`, message: 'Required value' }));
}
