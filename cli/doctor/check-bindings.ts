import type { Binding } from '../../shared/api/binding.ts';
import { type Output, outputLabels } from '../../shared/api/cluster-spiffe-id.ts';
import { ownerUidOf, parseOwner } from '../../shared/identity/ownership.ts';
import { type Check, type DoctorFacts, isRead } from './doctor-facts.ts';

/** Whether somebody looks after the bindings. */
export function checkBindings({ bindings, outputs }: DoctorFacts): Check[] {
  const area = 'bindings';
  if (!isRead(bindings)) return [];
  const said = bindings.flatMap(({ status }) =>
    status?.trustDomain ? [`${status.trustDomain}, class ${status.clusterSPIFFEIDClassName ?? 'none'}`] : [],
  );
  const settings = [...new Set(said)];
  const unseen = bindings.filter(({ status }) => status?.observedGeneration === undefined);
  const stale = bindings.filter(
    ({ metadata, status }) =>
      status?.observedGeneration !== undefined && status.observedGeneration !== metadata.generation,
  );
  const orphans = isRead(outputs) ? findOrphans(bindings, outputs) : [];
  const problems: Check[] = [
    ...toProblem(
      unseen.length,
      `${unseen.length} bindings were evaluated by nobody yet`,
      'if that stays so, look at the function reconcile',
    ),
    ...toProblem(
      stale.length,
      `${stale.length} bindings changed and were not evaluated since`,
      'if that stays so, look at the function reconcile',
    ),
    ...toProblem(
      orphans.length,
      `ClusterSPIFFEIDs whose binding is gone: ${orphans.slice(0, 5).join(', ')}`,
      'the next sweep deletes them',
    ),
  ];
  if (settings.length > 1)
    problems.push({
      area,
      status: 'error',
      message: `bindings were evaluated under different settings: ${settings.join('; ')}`,
      advice: 'two installations write here, or one was changed and has not caught up: look for a second one',
    });
  return problems.length > 0
    ? problems
    : [{ area, status: 'ok', message: `${bindings.length} bindings, all evaluated under the same settings` }];
}

function toProblem(count: number, message: string, advice: string): Check[] {
  return count === 0 ? [] : [{ area: 'bindings', status: 'warning', message, advice }];
}

function findOrphans(bindings: readonly Binding[], outputs: readonly Output[]): string[] {
  const uids = new Map(
    bindings.map(({ metadata }) => [`${metadata.namespace}/${metadata.name}`, metadata.uid]),
  );
  return outputs
    .filter((output) => {
      const namespace = output.metadata.labels?.[outputLabels.bindingNamespace] ?? '';
      const owner = parseOwner(output, namespace);
      if (owner === undefined) return false;
      const uid = uids.get(`${namespace}/${owner}`);
      return uid === undefined || (ownerUidOf(output) ?? uid) !== uid;
    })
    .map(({ metadata }) => metadata.name);
}
