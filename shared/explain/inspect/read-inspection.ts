import { z } from 'zod';
import { bindingResource } from '../../api/binding.ts';
import { compareText } from '../../identity/canonical.ts';
import { isPresent, throwBindingsUnserved } from '../../kube/read-guards.ts';
import { eventResource, podResource } from '../../kube/core-resources.ts';
import { createLacks } from '../kube/permissions.ts';
import { readNamespace } from '../kube/read-namespace.ts';
import type { Reader } from '../kube/reader.ts';
import { readServedKinds } from '../kube/served-kinds.ts';
import type { ResolveSettings } from '../settings/resolved-settings.ts';
import { Pod } from '../workloads/pod.ts';
import type { EventLine, InspectionFacts } from './inspection-report.ts';

/** Reads a binding and what it depends on; undefined: there is no such binding. */
export async function readInspection(
  reader: Reader,
  name: string,
  resolve: ResolveSettings,
): Promise<Omit<InspectionFacts, 'generatedAt'> | undefined> {
  const { cluster, lookups, namespace } = reader;
  const { found, at } = await cluster.readBinding(namespace, name);
  if (!isPresent(found, throwBindingsUnserved)) return undefined;
  const resolved = resolve(found.status);
  const lacks = createLacks();
  const [snapshot, served, pods, events] = await Promise.all([
    readNamespace(reader, { settings: resolved.settings, lacks, at, known: [found] }),
    readServedKinds(lookups),
    lacks.attempt(() => lookups.list(podResource, { namespace }, Pod)),
    lacks.attempt(() => readEvents(reader, name)),
  ]);
  // What was read last is what the rest was read with.
  const binding = snapshot.bindings.get(name) ?? found;
  return {
    binding,
    resolved,
    snapshot,
    served,
    pods: pods === 'unserved' ? undefined : pods,
    events,
    lacks: lacks.all(),
  };
}

const Event = z.object({
  type: z.string().default(''),
  reason: z.string().default(''),
  message: z.string().default(''),
  eventTime: z.string().nullish(),
  lastTimestamp: z.string().nullish(),
  metadata: z.object({ creationTimestamp: z.string().nullish() }),
});

async function readEvents({ lookups, namespace }: Reader, name: string): Promise<EventLine[]> {
  const fields = `involvedObject.kind=${bindingResource.kind},involvedObject.name=${name}`;
  const events = await lookups.list(eventResource, { namespace, fields }, Event);
  if (events === 'unserved') return [];
  return events
    .map(({ type, reason, message, ...times }) => {
      const at = times.lastTimestamp ?? times.eventTime ?? times.metadata.creationTimestamp ?? '';
      return { type, reason, message, at: at.replace(/\.\d+Z$/, 'Z') };
    })
    .toSorted((a, b) => compareText(a.at, b.at));
}
