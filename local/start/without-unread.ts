import { outputResource } from '../../shared/api/cluster-spiffe-id.ts';
import type { KubeObject } from '../eventing/api-server-event.ts';

/**
 * An object without what no function reads of it. A tenant can give each of its objects a quarter of a megabyte of
 * annotations. Sources, Broker and functions copy an event several times, and here they share one process. Of outputs
 * kleym reads its own labels and annotations.
 */
export function withoutUnread(object: KubeObject): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata;
  if (object.kind === outputResource.kind) return { ...object, metadata };
  const { labels: _labels, annotations: _annotations, ...read } = metadata;
  return { ...object, metadata: read };
}
