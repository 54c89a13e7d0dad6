import type { EventRecord } from '../api/event-record.ts';
import { bindingResource } from '../api/binding.ts';
import { type Resource, toApiVersion } from '../api/object-meta.ts';

export const eventResource = {
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
} as const satisfies Resource;

/** The API server says "characters" and counts bytes. */
const longestNote = 1024;

/** The Kubernetes Event for a record, at this time. */
export function toEvent(
  { name, binding, type, reason, message }: EventRecord,
  reportingInstance: string,
  at: Date,
) {
  const { namespace, uid } = binding.metadata;
  return {
    apiVersion: toApiVersion(eventResource),
    kind: eventResource.kind,
    metadata: { name, namespace },
    eventTime: toMicroTime(at),
    reportingController: 'kleym.sonda.red/reconcile',
    reportingInstance,
    action: reason,
    reason,
    type,
    note: cut(message, longestNote),
    regarding: {
      apiVersion: toApiVersion(bindingResource),
      kind: bindingResource.kind,
      name: binding.metadata.name,
      namespace,
      uid,
    },
  };
}

function toMicroTime(at: Date): string {
  return at.toISOString().replace('Z', '000Z');
}

/** The longest beginning of a text that fits, with no character cut in two. */
function cut(text: string, bytes: number): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(bytes));
  return text.slice(0, read);
}
