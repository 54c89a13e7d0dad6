import type { FailureCondition } from './condition-types.ts';

/** What a reason means: the rows of the table in docs/api.md. */
interface ReasonDocumentation {
  /** The condition that has the reason, with its status unless it is True. */
  readonly on: FailureCondition | `Ready=${'True' | 'Unknown'}` | `others, ${'False' | 'Unknown'}`;
  readonly meaning: string;
  readonly remedy: string;
}

/** Every reason that a condition may have. Decisions read the reason; the message beside it is for people. */
export const reasons = {
  Reconciled: {
    on: 'Ready=True',
    meaning: 'all is well',
    remedy: '',
  },
  Resolved: {
    on: 'others, False',
    meaning: 'evaluated, all is well',
    remedy: '',
  },
  Initializing: {
    on: 'Ready=Unknown',
    meaning:
      'a write is announced and not confirmed yet. The message says which, and until when a create may take effect',
    remedy: "nothing; if it stays longer than some minutes, read the functions' logs",
  },
  Waiting: {
    on: 'Ready=Unknown',
    meaning:
      'another binding or output must go or change first. The message names it. For an output that is being deleted it names the finalizers',
    remedy: 'nothing, or remove what holds it',
  },
  DeletionRejected: {
    on: 'Ready=Unknown',
    meaning:
      'an output must go, and the API server refuses to delete it: an admission policy, a webhook or RBAC. Its identity is still in force. The message quotes the first answer of the API server',
    remedy: 'change what refuses it; kleym tries again by itself',
  },
  FinalizerRejected: {
    on: 'Ready=Unknown',
    meaning:
      "the API server refuses to let kleym write the binding's finalizers. Without the finalizer kleym makes no output; with it the binding stays. The message quotes the first answer of the API server",
    remedy: 'change what refuses it; kleym tries again by itself',
  },
  NotEvaluated: {
    on: 'others, Unknown',
    meaning: 'not evaluated, because something before it failed',
    remedy: 'correct that first',
  },
  InvalidPoolRef: {
    on: 'InvalidRef',
    meaning: '`poolRef` has an impossible name or an unknown group',
    remedy: 'correct it',
  },
  TargetPoolNotFound: {
    on: 'InvalidRef',
    meaning: 'there is no such pool in this namespace',
    remedy: 'create the pool, or correct `poolRef`',
  },
  AmbiguousPoolRef: {
    on: 'InvalidRef',
    meaning: 'two groups serve this name with different selectors',
    remedy: 'set `poolRef.group`, or make the selectors equal',
  },
  InferencePoolCRDMissing: {
    on: 'InvalidRef',
    meaning: 'no group of InferencePool that the reference allows is installed',
    remedy: 'install the CRD; kleym looks again by itself for two minutes, then with each sweep',
  },
  InvalidObjectiveRef: {
    on: 'InvalidRef',
    meaning:
      '`objectiveRef` has an impossible name or an unknown group, or the objective points at another pool, group or namespace',
    remedy: 'correct the binding or the objective; the message says what was found',
  },
  TargetObjectiveNotFound: {
    on: 'InvalidRef',
    meaning: 'there is no such objective in this namespace',
    remedy: 'create the objective, or correct `objectiveRef`',
  },
  AmbiguousObjectiveRef: {
    on: 'InvalidRef',
    meaning: 'two groups serve this name and point at different pools',
    remedy: 'set `objectiveRef.group`',
  },
  InferenceObjectiveCRDMissing: {
    on: 'InvalidRef',
    meaning: 'no group of InferenceObjective that the reference allows is installed',
    remedy: 'install the CRD; kleym looks again by itself for two minutes, then with each sweep',
  },
  InvalidPoolSelector: {
    on: 'UnsafeSelector',
    meaning:
      'the selector is empty, has over 64 labels, or says more than label equality with valid, non-empty values',
    remedy: 'change the pool',
  },
  MissingTrustDomain: {
    on: 'RenderFailure',
    meaning: 'no trust domain is configured; the functions as shipped do not start then',
    remedy: 'set `KLEYM_TRUST_DOMAIN`',
  },
  InvalidTrustDomain: {
    on: 'RenderFailure',
    meaning: 'the configured trust domain is not valid in SPIFFE; the functions as shipped do not start then',
    remedy: 'correct `KLEYM_TRUST_DOMAIN`',
  },
  MissingObjectiveRef: {
    on: 'RenderFailure',
    meaning: '`PerObjective` without `objectiveRef`',
    remedy: 'add it, or set `mode: PoolOnly`',
  },
  UnreadableSpec: {
    on: 'RenderFailure',
    meaning:
      'the spec was stored under another version of the CRD and says something that this version does not know, such as another mode or field; nothing else was evaluated',
    remedy: 'correct what the message names, or run the version that knows it',
  },
  InvalidSpiffeID: {
    on: 'RenderFailure',
    meaning: 'a name cannot be part of a SPIFFE ID, or the ID is too long',
    remedy: 'use another name',
  },
  InvalidServiceAccountName: {
    on: 'RenderFailure',
    meaning: 'no service account can have this name; kleym trims nothing',
    remedy: 'correct it',
  },
  MissingContainerDiscriminator: {
    on: 'RenderFailure',
    meaning: '`PerObjective` with neither `containerName` nor `containerImage`',
    remedy: 'add one',
  },
  InvalidContainerName: {
    on: 'RenderFailure',
    meaning: 'no container can have this name; kleym trims nothing',
    remedy: 'correct it',
  },
  InvalidContainerImage: {
    on: 'RenderFailure',
    meaning: 'not a fully qualified digest reference',
    remedy: 'write `registry/repository@sha256:…`; a tag is not enough',
  },
  InvalidPodLabels: {
    on: 'RenderFailure',
    meaning:
      '`podLabels` has over 8 labels, or a label that no pod can have or that has no value, or another value for a label of the pool, or makes over 64 labels together with the pool',
    remedy: 'correct it, or the pool; the message says what was found',
  },
  UnexpectedContainerName: {
    on: 'RenderFailure',
    meaning: '`PoolOnly` with `containerName`',
    remedy: 'remove one of them',
  },
  UnexpectedContainerImage: {
    on: 'RenderFailure',
    meaning: '`PoolOnly` with `containerImage`',
    remedy: 'remove one of them',
  },
  IdentityCollision: {
    on: 'Conflict',
    meaning: 'other bindings ask for the same workloads; the message and `status.conflicts` name them',
    remedy:
      'give one of them another container, service account or pool, or each of them another value in `podLabels`; make one `PoolOnly`, or delete one',
  },
  PossibleOverlap: {
    on: 'Conflict',
    meaning: 'only with `KLEYM_OVERLAP_POLICY=refuse`: one container may match them all',
    remedy: 'make the container names or the pod labels differ',
  },
  ClusterSPIFFEIDCRDMissing: {
    on: 'RenderFailure',
    meaning: "SPIRE Controller Manager's CRD is not installed",
    remedy: 'install the CRD; kleym looks again by itself for two minutes, then with each sweep',
  },
  OutputNameTaken: {
    on: 'RenderFailure',
    meaning: 'a ClusterSPIFFEID of somebody else has the name',
    remedy: 'delete it, or give the binding another name; the next sweep notices that the name is free',
  },
  OutputRefused: {
    on: 'RenderFailure',
    meaning:
      "admission, the CRD's schema or a policy refuses the output, or the API server stored something else than was sent; the message quotes the latest answer of the API server",
    remedy: 'change the policy; each sweep asks again with a dry run',
  },
  OutputForbidden: {
    on: 'RenderFailure',
    meaning: 'RBAC, or an admission webhook, forbids kleym to write the output (403)',
    remedy: 'grant it; kleym asks again by itself, with a dry run',
  },
} as const satisfies Record<string, ReasonDocumentation>;
export type Reason = keyof typeof reasons;

/** A reason for which a condition is True: the binding must have no output. */
export type RefusalReason<C extends FailureCondition = FailureCondition> = {
  [R in Reason]: ConditionOf<R> extends C ? R : never;
}[Reason];

/** The condition that has a reason. */
export type ConditionOf<R extends Reason> = (typeof reasons)[R]['on'];

/** The API server does not take the output. A dry run asks whether it does now. */
export const outputRejections: readonly string[] = [
  'OutputNameTaken',
  'OutputRefused',
  'OutputForbidden',
] satisfies Reason[];

/** The API server refuses a write that must come first. The next run sends it again. */
export const pendingRejections: readonly string[] = [
  'DeletionRejected',
  'FinalizerRejected',
] satisfies Reason[];
