import { randomUUID } from 'node:crypto';
import { CloudEvent } from 'cloudevents';
import type { PingWiring } from './wiring.ts';

/** Makes the event of one PingSource tick. Without data it has no content type, and with data only the one that was set. */
export function toPingEvent(ping: PingWiring): CloudEvent<unknown> {
  return new CloudEvent<unknown>({
    id: randomUUID(),
    type: 'dev.knative.sources.ping',
    source: `/apis/v1/namespaces/${ping.namespace}/pingsources/${ping.name}`,
    ...(ping.data === undefined ? {} : { data: Buffer.from(ping.data) }),
    ...(ping.data === undefined || ping.contentType === undefined
      ? {}
      : { datacontenttype: ping.contentType }),
    ...ping.extensions,
  });
}
