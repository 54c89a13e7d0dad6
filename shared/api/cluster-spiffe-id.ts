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
  /** The digest of the key that an output holds, or `none`. */
  key: 'kleym.sonda.red/key',
  /** The shape of this key, where overlaps are refused. */
  keyShape: 'kleym.sonda.red/key-shape',
  /** With `filterByClassName`, SPIRE Controller Manager lists outputs by it. */
  className: 'spire.spiffe.io/class-name',
} as const;

/** Annotations that say which binding an output belongs to, and what kleym wrote. */
export const outputAnnotations = {
  bindingUid: 'kleym.sonda.red/binding-uid',
  bindingName: 'kleym.sonda.red/binding-name',
  claim: 'kleym.sonda.red/claim',
  /** When the request left that created it. */
  sentAt: 'kleym.sonda.red/sent-at',
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

/** Without `managedFields`: they are half of an output in memory, and the API server keeps them if a PUT has none. */
const Metadata = ObjectMeta.loose().extend({
  managedFields: z
    .unknown()
    .transform(() => undefined)
    .optional(),
});

/**
 * An output. The schema keeps unknown fields, because what others add (a ttl, federation) must survive our PUT. A field
 * of ours that cannot be read is not what kleym wrote, and is written anew; it must not make a list fail.
 */
export const Output = z.looseObject({ metadata: Metadata, spec: Spec.catch({}) });
export type Output = z.infer<typeof Output>;
