import { setTimeout as sleep } from 'node:timers/promises';
import { bindingResource } from '../../shared/api/binding.ts';
import { findReady } from '../../shared/api/conditions.ts';
import { type Resource, toApiVersion } from '../../shared/api/object-meta.ts';
import { poolResources } from '../../shared/api/pool.ts';
import { UncertainError } from '../../shared/api/uncertain-error.ts';
import { adviseOn } from '../../shared/explain/why/advice.ts';
import type { Connection } from '../kube/connection.ts';
import { namespaceResource } from '../../shared/kube/core-resources.ts';
import type { Check } from './doctor-facts.ts';

/** How long a binding may take to become Ready, or to go. From zero, two functions start for it. */
const patienceMs = 60_000;
const rhythmMs = 500;

/** What a trial needs beside the cluster. */
export interface TrialTools {
  /** A text that nobody has used for a namespace. */
  readonly suffix: string;
  readonly elapsed: () => number;
  readonly sleep: (ms: number) => Promise<unknown>;
}

/** The tools of a trial on a real cluster. */
export function createTrialTools(): TrialTools {
  const suffix = Math.random().toString(36).slice(2, 8);
  return { suffix, elapsed: () => performance.now(), sleep };
}

/**
 * Sends a binding through: makes a namespace of its own with a pool that selects no pod and a binding of it, waits for the
 * identity, and takes all of it away again, whatever came of it.
 */
export async function runTrial(
  connection: Connection,
  served: readonly Resource[],
  tools: TrialTools,
): Promise<readonly Check[]> {
  const pool = poolResources.find(({ group }) =>
    served.some((one) => one.group === group && one.kind === 'InferencePool'),
  );
  if (!pool) return [toCheck('unknown', 'no trial was made: InferencePool is not served')];
  const namespace = `kleym-trial-${tools.suffix}`;
  const { writes } = connection;
  const checks = await attempt('no trial was made', async () => {
    await writes.create(namespaceResource, {}, toNamespace(namespace));
    return [];
  });
  if (checks.length > 0) return checks;
  try {
    const sent = await attempt('no binding could be sent through', async () => {
      await writes.create(pool, { namespace }, toPool(pool, namespace));
      await writes.create(bindingResource, { namespace }, toBinding(namespace));
      return [await waitForReady(connection, namespace, tools)];
    });
    checks.push(...sent);
  } finally {
    const leftover = `delete namespace ${namespace} by hand, it could not be cleaned up`;
    checks.push(...(await attempt(leftover, () => cleanUp(connection, namespace, tools))));
  }
  return checks;
}

/** What the work brings; where the API server refuses it, that. */
async function attempt(otherwise: string, work: () => Promise<readonly Check[]>): Promise<Check[]> {
  try {
    return [...(await work())];
  } catch (error) {
    if (!(error instanceof UncertainError)) throw error;
    const advice = 'ask as somebody who may create and delete namespaces, pools and bindings';
    return [toCheck('error', `${otherwise}: ${error.message}`, advice)];
  }
}

const name = 'trial';

async function waitForReady(
  { cluster }: Connection,
  namespace: string,
  { elapsed, sleep: pause }: TrialTools,
): Promise<Check> {
  const since = elapsed();
  let said = 'no function has looked at it';
  let advice = "look at the functions' logs, from map-binding to reconcile";
  while (elapsed() - since < patienceMs) {
    const binding = await cluster.getBinding(namespace, name);
    const ready = typeof binding === 'string' ? undefined : findReady(binding.status);
    if (ready?.status === 'True')
      return toCheck('ok', `a binding was Ready after ${toSeconds(elapsed() - since)} s`);
    if (ready) {
      said = `${ready.reason}: ${ready.message}`;
      advice = adviseOn(ready.reason);
    }
    await pause(rhythmMs);
  }
  return toCheck('error', `a binding was not Ready within ${patienceMs / 1000} s: ${said}`, advice);
}

/** Its ClusterSPIFFEID goes first, then the binding; only then may the namespace go. */
async function cleanUp(
  { cluster, writes }: Connection,
  namespace: string,
  { elapsed, sleep: pause }: TrialTools,
): Promise<readonly Check[]> {
  const since = elapsed();
  await writes.remove(bindingResource, { namespace, name });
  while (elapsed() - since < patienceMs && typeof (await cluster.getBinding(namespace, name)) !== 'string')
    await pause(rhythmMs);
  const isGone = typeof (await cluster.getBinding(namespace, name)) === 'string';
  const took = toSeconds(elapsed() - since);
  await writes.remove(namespaceResource, { name: namespace });
  if (isGone)
    return [toCheck('ok', `it was gone ${took} s after its deletion, and namespace ${namespace} is deleted`)];
  const advice = `kubectl -n ${namespace} describe iib ${name}; its finalizer waits for reconcile`;
  return [toCheck('error', `its deletion did not end within ${patienceMs / 1000} s`, advice)];
}

function toCheck(status: Check['status'], message: string, advice?: string): Check {
  return { area: 'trial', status, message, ...(advice !== undefined && { advice }) };
}

function toSeconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}

function toNamespace(namespace: string): object {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
}

function toPool(resource: Resource, namespace: string): object {
  const labels = { 'kleym.sonda.red/trial': namespace };
  const [present] = poolResources;
  const spec =
    resource.group === present.group
      ? {
          selector: { matchLabels: labels },
          targetPorts: [{ number: 8000 }],
          endpointPickerRef: { name, port: { number: 9002 } },
        }
      : { selector: labels, targetPortNumber: 8000, extensionRef: { name } };
  return { apiVersion: toApiVersion(resource), kind: resource.kind, metadata: { name, namespace }, spec };
}

function toBinding(namespace: string): object {
  const spec = { mode: 'PoolOnly', poolRef: { name }, serviceAccountName: name };
  return {
    apiVersion: toApiVersion(bindingResource),
    kind: bindingResource.kind,
    metadata: { name, namespace },
    spec,
  };
}
