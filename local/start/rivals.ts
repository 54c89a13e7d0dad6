import type { CloudEvent } from 'cloudevents';
import { z } from 'zod';
import { BindingStatus, bindingResource } from '../../shared/api/binding.ts';
import { NamespacedMeta, toApiVersion } from '../../shared/api/object-meta.ts';
import { findOtherSettings } from '../../shared/identity/other-settings.ts';
import type { Settings } from '../../shared/identity/settings.ts';

/** What a binding says of the settings with which it was written. */
const Written = z.object({
  metadata: NamespacedMeta,
  status: BindingStatus.pick({ trustDomain: true, clusterSPIFFEIDClassName: true })
    .optional()
    .catch(undefined),
});

/**
 * Looks for another installation with other settings in the events that pass, and tells what it overwrote. A status that was
 * ours and becomes another's was overwritten by a run that works now: a change of our settings goes the other way.
 */
export function createRivals(
  settings: Settings,
  tell: (rival: string) => void,
): (event: CloudEvent<unknown>) => void {
  const ours = new Set<string>();
  return ({ data, type, ...event }) => {
    if (event['apiversion'] !== toApiVersion(bindingResource)) return;
    const parsed = Written.safeParse(data);
    if (!parsed.success) return;
    const { metadata, status } = parsed.data;
    if (type.endsWith('.delete')) return void ours.delete(metadata.uid);
    if (status?.trustDomain === undefined) return;
    const words = findOtherSettings(status, settings);
    if (words === undefined) return void ours.add(metadata.uid);
    if (ours.has(metadata.uid))
      tell(
        `another installation writes here with ${words}: it overwrote ${metadata.namespace}/${metadata.name}`,
      );
  };
}
