import type { ClusterReads, Listed } from '../../kube/cluster.ts';
import type { Lacks } from './permissions.ts';

/**
 * The port with holes in it: what may not be read is noted as lacking, and seems not to be there. Whoever reports from it
 * looks at what was lacking first.
 */
export function tolerate(cluster: ClusterReads, lacks: Lacks, at: string): ClusterReads {
  const nothing = { items: [], at, isComplete: true } as const;
  const orNothing = async <T>(listed: Promise<Listed<T> | 'unserved'>) =>
    (await lacks.attempt(() => listed)) ?? nothing;
  return {
    ...cluster,
    listBindings: async (where) => (await lacks.attempt(() => cluster.listBindings(where))) ?? nothing,
    listOutputs: (labels, options) => orNothing(cluster.listOutputs(labels, options)),
    getOutput: async (name) => (await lacks.attempt(() => cluster.getOutput(name))) ?? 'absent',
    getPool: async (...args) => (await lacks.attempt(() => cluster.getPool(...args))) ?? 'absent',
    listPools: (resource, namespace) => orNothing(cluster.listPools(resource, namespace)),
    getObjective: async (...args) => (await lacks.attempt(() => cluster.getObjective(...args))) ?? 'absent',
    listObjectives: (resource, namespace) => orNothing(cluster.listObjectives(resource, namespace)),
  };
}
