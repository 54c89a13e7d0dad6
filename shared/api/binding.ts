import { z } from 'zod';
import { describeIssues } from '../text/describe-issues.ts';
import { toBeginning } from './bounded.ts';
import { Condition } from './conditions.ts';
import { NamespacedMeta, type Resource } from './object-meta.ts';
import { StringList, StringMap } from './strings.ts';

export const bindingResource = {
  group: 'kleym.sonda.red',
  version: 'v1alpha1',
  kind: 'InferenceIdentityBinding',
  plural: 'inferenceidentitybindings',
} as const satisfies Resource;

/** Keeps a binding until its outputs are gone. */
export const bindingFinalizer = 'kleym.sonda.red/inferenceidentitybinding-finalizer';

/** A longer list of finalizers is not read whole, so it is never written: the write would remove the others. */
export const maxFinalizers = 100;
/** kleym itself records 20 of a kind. */
const mostConflicts = 40;
/** At most this many characters of a status are read, which is more than kleym writes. */
const mostOfStatus = 128 * 1024;

/** The fields by which bindings can be listed: the name, as for every kind, and the `selectableFields` of the CRD. */
export const bindingFields = {
  name: 'metadata.name',
  pool: 'spec.poolRef.name',
  objective: 'spec.objectiveRef.name',
  serviceAccount: 'spec.serviceAccountName',
  claimedServiceAccount: 'status.claim.serviceAccountName',
  claimKind: 'status.claim.kind',
  key: 'status.keyDigest',
  keyShape: 'status.keyShape',
} as const;
export type BindingField = (typeof bindingFields)[keyof typeof bindingFields];

export const Mode = z.enum(['PoolOnly', 'PerObjective']);
export type Mode = z.infer<typeof Mode>;

const Reference = z.strictObject({ name: z.string(), group: z.string().optional() });
export type Reference = z.infer<typeof Reference>;

/** What the user asks for. Admission checks more than this schema, and the functions check it again. */
export const BindingSpec = z.object({
  poolRef: Reference,
  objectiveRef: Reference.optional(),
  serviceAccountName: z.string(),
  mode: Mode.optional(),
  containerName: z.string().optional(),
  containerImage: z.string().optional(),
  podLabels: StringMap.optional(),
});
/**
 * `unreadable`: what is wrong with a spec that was stored under another CRD. Of such a spec only the service account is
 * used.
 */
export type BindingSpec = z.infer<typeof BindingSpec> & { readonly unreadable?: string };

const claimOf = { name: z.string(), serviceAccountName: z.string(), key: z.string().optional() };

/**
 * The record of the key that a binding holds, and of the write that may still be on its way for it. `creating`: one
 * POST that carries `nonce`. `replacing`: PUTs onto resourceVersion `base`. `owning`: nothing.
 */
export const Claim = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('creating'), ...claimOf, nonce: z.string(), at: z.string() }),
  z.object({
    kind: z.literal('replacing'),
    ...claimOf,
    /** The digest of the key that the output has until the PUT lands. */
    previousKeyDigest: z.string().optional(),
    uid: z.string(),
    base: z.string(),
  }),
  z.object({ kind: z.literal('owning'), ...claimOf, uid: z.string() }),
]);
export type Claim = z.infer<typeof Claim>;

/** A claim that another version has written. Nobody here knows which write may still land by it. */
export interface UnreadableClaim {
  readonly kind: 'unreadable';
  readonly words: string;
  readonly serviceAccountName: string | undefined;
}

const Observed = z.object({ group: z.string(), uid: z.string(), generation: z.int() });
export type Observed = z.infer<typeof Observed>;

/** Another binding that asks for the same workloads, or may. */
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
  /**
   * The digest of the key that the claim holds, or else of the one that the spec asks for. Other runs find the binding
   * by it.
   */
  keyDigest: z.string().optional(),
  /** The shape of the same key, where overlaps are refused: others find the binding by it whose keys may overlap. */
  keyShape: z.string().optional(),
  claim: Claim.optional(),
});
export type BindingStatus = z.infer<typeof BindingStatus>;

/** The Go operator treats an empty mode as none. */
const StoredMode = z.union([Mode, z.literal('').transform(() => undefined)]);
/** A field that only a later version knows may narrow the identity, as `podLabels` does: without it, more pods would match. */
const StoredSpec: z.ZodType<BindingSpec> = BindingSpec.extend({ mode: StoredMode.optional() }).strict();
const StoredClaim: z.ZodType<Claim | UnreadableClaim> = Claim;
const status = BindingStatus.shape;

/** A stored status. Fields that cannot be read are written anew, but a claim that cannot be read never counts as none. */
const ReadableStatus = z.object({
  observedGeneration: status.observedGeneration.catch(undefined),
  conditions: status.conditions.catch(undefined),
  computedSpiffeIDs: status.computedSpiffeIDs.catch(undefined),
  renderedSelectors: status.renderedSelectors.catch(undefined),
  trustDomain: status.trustDomain.catch(undefined),
  clusterSPIFFEIDClassName: status.clusterSPIFFEIDClassName.catch(undefined),
  observed: status.observed.catch(undefined),
  conflicts: z.preprocess((list) => toBeginning(list, mostConflicts), status.conflicts).catch(undefined),
  keyDigest: status.keyDigest.catch(undefined),
  keyShape: status.keyShape.catch(undefined),
  claim: StoredClaim.optional().catch(({ value, error }) => toUnreadableClaim(value, error)),
});

/** Whoever may write a status can make it as large as etcd allows, and lists hold many. */
const StoredStatus = z.preprocess(
  (value) => (isLarge(value) ? { claim: toClaimOfLarge(value) } : value),
  ReadableStatus,
);

/** A stored binding. One that another version or CRD has written must not make a list fail. */
export const Binding = z.object({
  metadata: NamespacedMeta.extend({ finalizers: StringList.transform(toKnownFinalizers).optional() }),
  spec: StoredSpec.catch(({ value, error }) => toUnreadableSpec(value, error)),
  status: StoredStatus.optional().catch(undefined),
});
export type Binding = z.infer<typeof Binding>;

/** The mode in force; an omitted one is PerObjective. */
export function toEffectiveMode(spec: BindingSpec): Mode {
  return spec.mode ?? 'PerObjective';
}

/** Others look for what it may hold by its service account, so that is kept. */
function toUnreadableClaim(claim: unknown, error: Pick<z.ZodError, 'issues'>): UnreadableClaim {
  return { kind: 'unreadable', words: describeIssues(error), serviceAccountName: serviceAccountOf(claim) };
}

/** It names no pool, so nothing can be rendered from it. */
function toUnreadableSpec(spec: unknown, error: Pick<z.ZodError, 'issues'>): BindingSpec {
  const serviceAccountName = serviceAccountOf(spec) ?? '';
  return { poolRef: { name: '' }, serviceAccountName, unreadable: describeIssues(error) };
}

/** The list with our finalizer, cut so that it is still too long without it. */
function toKnownFinalizers(finalizers: string[]): string[] {
  if (finalizers.length <= maxFinalizers) return finalizers;
  const others = finalizers.filter((one) => one !== bindingFinalizer).slice(0, maxFinalizers + 1);
  return finalizers.includes(bindingFinalizer) ? [...others, bindingFinalizer] : others;
}

function isLarge(value: unknown): boolean {
  let left = mostOfStatus;
  const take = (part: unknown): boolean => {
    left -= typeof part === 'string' ? part.length : 8;
    if (left < 0) return false;
    if (typeof part !== 'object' || part === null) return true;
    for (const key in part) if (!take(key) || !take(Reflect.get(part, key))) return false;
    return true;
  };
  return !take(value);
}

/** An unreadable claim, with the service account by which others find it. */
function toClaimOfLarge(value: unknown): unknown {
  const claim = z.object({ claim: z.unknown() }).safeParse(value).data?.claim;
  return claim === undefined ? undefined : { kind: 'too large', serviceAccountName: serviceAccountOf(claim) };
}

const Accounted = z.object({ serviceAccountName: z.string().max(253) });

function serviceAccountOf(value: unknown): string | undefined {
  return Accounted.safeParse(value).data?.serviceAccountName;
}
