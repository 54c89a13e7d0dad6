import type { Binding } from '../../shared/api/binding.ts';
import type { Output } from '../../shared/api/cluster-spiffe-id.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';
import { isSelected, toFieldSelector } from '../../shared/kube/selectors.ts';

/** What a mapper may find in the cluster. */
export interface FakeState {
  readonly bindings?: readonly Binding[] | 'unserved';
  readonly outputs?: readonly Output[];
}

/** A cluster that knows the reads of the mappers, counts them, and fails a test that asks for anything else. */
export function fakeCluster({ bindings = [], outputs = [] }: FakeState = {}): Cluster & {
  readonly calls: string[];
} {
  const calls: string[] = [];
  return {
    calls,
    listBindings: async ({ namespace, field, most = Infinity }) => {
      calls.push(`listBindings ${namespace} ${field && toFieldSelector(field)}`);
      if (bindings === 'unserved') return 'unserved';
      const items = bindings.filter(
        (binding) =>
          binding.metadata.namespace === namespace && field !== undefined && isSelected(binding, field),
      );
      const isComplete = items.length <= most;
      return { items: items.slice(0, most), at: '2026-01-01T00:00:00Z', isComplete };
    },
    getOutput: async (name) => {
      calls.push(`getOutput ${name}`);
      return outputs.find(({ metadata }) => metadata.name === name) ?? 'absent';
    },
    getBinding: async (namespace, name) => {
      calls.push(`getBinding ${namespace} ${name}`);
      if (bindings === 'unserved') return 'unserved';
      const isMeant = ({ metadata }: Binding) => metadata.namespace === namespace && metadata.name === name;
      return bindings.find(isMeant) ?? 'absent';
    },
    readBinding: unexpected('readBinding'),
    listOutputs: unexpected('listOutputs'),
    getPool: unexpected('getPool'),
    listPools: unexpected('listPools'),
    getObjective: unexpected('getObjective'),
    listObjectives: unexpected('listObjectives'),
    patchFinalizers: unexpected('patchFinalizers'),
    replaceStatus: unexpected('replaceStatus'),
    createOutput: unexpected('createOutput'),
    replaceOutput: unexpected('replaceOutput'),
    deleteOutput: unexpected('deleteOutput'),
    announce: unexpected('announce'),
  };
}

function unexpected(call: string): () => Promise<never> {
  return () => Promise.reject(new Error(`unexpected call: ${call}`));
}
