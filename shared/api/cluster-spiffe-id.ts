import { z } from 'zod';
import { StringList, StringMap } from './strings.ts';
import { ObjectMeta, type Resource } from './object-meta.ts';

export const outputResource = {
  group: 'spire.spiffe.io',
  version: 'v1alpha1',
  kind: 'ClusterSPIFFEID',
  plural: 'clusterspiffeids',
} as const satisfies Resource;

/** Labels by which outputs are found. */
export const outputLabels = {
  managedBy: 'kleym.sonda.red/managed-by',
  bindingName: 'kleym.sonda.red/binding-name',
  bindingNamespace: 'kleym.sonda.red/binding-namespace',
  serviceAccount: 'kleym.sonda.red/service-account',
  /** The digest of the key that an output holds; `none` where it holds none. */
  key: 'kleym.sonda.red/key',
  /** SPIRE Controller Manager filters its informer on it where `filterByClassName` is set. */
  className: 'spire.spiffe.io/class-name',
} as const;

/** Annotations that say whose an output is and what was written. */
export const outputAnnotations = {
  bindingUid: 'kleym.sonda.red/binding-uid',
  bindingName: 'kleym.sonda.red/binding-name',
  claim: 'kleym.sonda.red/claim',
  /** When the claim was dated by which it was created. */
  claimedAt: 'kleym.sonda.red/claimed-at',
  content: 'kleym.sonda.red/content',
  fence: 'kleym.sonda.red/fence',
} as const;

const LabelSelector = z.looseObject({ matchLabels: StringMap.optional() });

const Spec = z.looseObject({
  spiffeIDTemplate: z.string().optional().catch(undefined),
  podSelector: LabelSelector.optional().catch(undefined),
  namespaceSelector: LabelSelector.optional().catch(undefined),
  workloadSelectorTemplates: StringList.optional().catch(undefined),
  className: z.string().optional().catch(undefined),
  fallback: z.boolean().optional().catch(undefined),
  hint: z.string().optional().catch(undefined),
});

/**
 * An output. It is read loosely, because what others add beside our fields (a ttl, federation) must survive our PUT. One of
 * our fields that cannot be read is not what we wrote, and is written anew; it must not take a list down.
 */
export const Output = z.looseObject({ metadata: ObjectMeta.loose(), spec: Spec.catch({}) });
export type Output = z.infer<typeof Output>;
