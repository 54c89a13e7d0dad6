import { z } from 'zod';
import { Condition } from './conditions.ts';
import { NamespacedMeta, type Resource } from './object-meta.ts';

export const bindingResource = {
  group: 'kleym.sonda.red',
  version: 'v1alpha1',
  kind: 'InferenceIdentityBinding',
  plural: 'inferenceidentitybindings',
} as const satisfies Resource;

/** Holds a binding until its outputs are gone. */
export const bindingFinalizer = 'kleym.sonda.red/inferenceidentitybinding-finalizer';

/** By these fields bindings can be listed (`selectableFields` of the CRD). */
export const bindingFields = {
  pool: 'spec.poolRef.name',
  objective: 'spec.objectiveRef.name',
  serviceAccount: 'spec.serviceAccountName',
  claimedServiceAccount: 'status.claim.serviceAccountName',
} as const;
export type BindingField = (typeof bindingFields)[keyof typeof bindingFields];

export const Mode = z.enum(['PoolOnly', 'PerObjective']);
export type Mode = z.infer<typeof Mode>;

const Reference = z.object({ name: z.string(), group: z.string().optional() });
export type Reference = z.infer<typeof Reference>;

/** What the user asks for. Admission demands more than this schema: the functions check again. */
export const BindingSpec = z.object({
  poolRef: Reference,
  objectiveRef: Reference.optional(),
  serviceAccountName: z.string(),
  mode: Mode.optional(),
  containerName: z.string().optional(),
  containerImage: z.string().optional(),
});
export type BindingSpec = z.infer<typeof BindingSpec>;

const claimOf = { name: z.string(), serviceAccountName: z.string(), key: z.string().optional() };

/**
 * Which collision key a binding holds, and which write may still be on its way to make that true.
 * `creating`: one POST that carries `nonce`. `replacing`: PUTs onto resourceVersion `base`. `owning`: nothing.
 */
export const Claim = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('creating'), ...claimOf, nonce: z.string(), at: z.string() }),
  z.object({ kind: z.literal('replacing'), ...claimOf, uid: z.string(), base: z.string() }),
  z.object({ kind: z.literal('owning'), ...claimOf, uid: z.string() }),
]);
export type Claim = z.infer<typeof Claim>;

const Observed = z.object({ group: z.string(), uid: z.string(), generation: z.int() });
export type Observed = z.infer<typeof Observed>;

/** A peer with which a binding shares, or may share, workloads. */
export const Peer = z.object({
  name: z.string(),
  uid: z.string(),
  reason: z.enum(['IdentityCollision', 'PossibleOverlap']),
});
export type Peer = z.infer<typeof Peer>;

export const BindingStatus = z.object({
  observedGeneration: z.int().optional(),
  conditions: z.array(Condition).optional(),
  computedSpiffeIDs: z.array(z.object({ mode: Mode, spiffeID: z.string() })).optional(),
  renderedSelectors: z.array(z.object({ spiffeID: z.string(), selectors: z.array(z.string()) })).optional(),
  trustDomain: z.string().optional(),
  clusterSPIFFEIDClassName: z.string().optional(),
  observed: z.object({ pool: Observed.optional(), objective: Observed.optional() }).optional(),
  conflicts: z.array(Peer).optional(),
  claim: Claim.optional(),
});
export type BindingStatus = z.infer<typeof BindingStatus>;

export const Binding = z.object({
  metadata: NamespacedMeta,
  spec: BindingSpec,
  status: BindingStatus.optional(),
});
export type Binding = z.infer<typeof Binding>;

/** The mode that is in force: an omitted one is PerObjective. */
export function toEffectiveMode(spec: BindingSpec): Mode {
  return spec.mode ?? 'PerObjective';
}
