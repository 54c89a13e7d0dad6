import type { CloudEvent } from 'cloudevents';
import { Binding, bindingResource } from '../../shared/api/binding.ts';
import { toApiVersion } from '../../shared/api/object-meta.ts';
import { findOtherSettings } from '../../shared/identity/other-settings.ts';
import type { Settings } from '../../shared/identity/settings.ts';

/** Another installation with other settings, by what it writes over ours. */
export interface Rivals {
  /** What an event shows of one; each is told once. */
  readonly see: (event: CloudEvent<unknown>) => string | undefined;
}

/** A status that was ours and becomes another's was overwritten by a run that works now: a change of settings goes the other way. */
export function createRivals(settings: Settings): Rivals {
  const ours = new Set<string>();
  const told = new Set<string>();
  return {
    see: ({ data, ...event }) => {
      if (event['apiversion'] !== toApiVersion(bindingResource)) return undefined;
      const parsed = Binding.safeParse(data);
      if (!parsed.success || parsed.data.status?.trustDomain === undefined) return undefined;
      const { metadata, status } = parsed.data;
      const words = findOtherSettings(status, settings);
      if (words === undefined) {
        ours.add(metadata.uid);
        return undefined;
      }
      if (!ours.has(metadata.uid) || told.has(words)) return undefined;
      told.add(words);
      return `another installation writes here with ${words}, as to ${metadata.namespace}/${metadata.name}: the two overwrite each other, and the workloads lose their identities each time. End one of them`;
    },
  };
}
