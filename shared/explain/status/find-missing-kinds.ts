import { bindingResource } from '../../api/binding.ts';
import { outputResource } from '../../api/cluster-spiffe-id.ts';
import type { Resource } from '../../api/object-meta.ts';
import { poolResources } from '../../api/pool.ts';
import type { Finding } from '../finding.ts';

/** The definitions without which kleym does nothing, and which are not served. */
export function findMissingKinds(served: readonly Resource[]): Finding[] {
  const missing = [
    {
      kinds: [bindingResource],
      reason: 'InferenceIdentityBindingCRDMissing',
      name: 'InferenceIdentityBinding',
    },
    { kinds: [outputResource], reason: 'ClusterSPIFFEIDCRDMissing', name: 'ClusterSPIFFEID' },
    { kinds: poolResources, reason: 'GAIECRDMissing', name: 'InferencePool' },
  ].filter(({ kinds }) => !kinds.some((kind: Resource) => isServed(served, kind)));
  return missing.map(({ reason, name }) => ({
    id: 'crd-missing',
    severity: 'error',
    reason,
    message: `${name} CRD is not installed`,
    affectedRefs: [],
  }));
}

/** Whether a kind is served, in whichever version. */
export function isServed(served: readonly Resource[], kind: Resource): boolean {
  return served.some(({ group, plural }) => group === kind.group && plural === kind.plural);
}
