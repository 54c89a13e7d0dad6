import { z } from 'zod';
import { outputResource } from '../api/cluster-spiffe-id.ts';
import { type Resource, toApiVersion } from '../api/object-meta.ts';
import { decode, toUncertain } from './answers.ts';
import { type Answer, type Transport, toTitle } from './transport.ts';
import { UncertainError } from '../api/uncertain-error.ts';

const ResourceList = z.object({ resources: z.array(z.object({ name: z.string() })) });

/**
 * After a 404 that names no object: is the resource not installed? A server that says it is, and yet answered 404, has not
 * caught up with its own definitions, and nothing follows from its 404.
 */
export type ConfirmUnserved = (resource: Resource, answer: Answer) => Promise<'unserved'>;

// The groups of pools and objectives that a cluster does not serve are asked for in each collect. For so long, the answer
// of discovery and the 404 of the moment together are proof enough.
const rememberedMs = 10_000;
// Where outputs are not installed, none can be left behind, and finalizers go. Of several API servers one may answer 404
// when its neighbour serves the CRD again, so for outputs nothing older than the 404 counts.
const neverRemembered = outputResource.plural;

/** Confirms a 404 by discovery. What discovery denied is remembered for a moment; it is never a reason not to ask. */
export function createDiscovery(transport: Transport, elapsed: () => number): ConfirmUnserved {
  const denied = new Map<string, number>();
  return async function confirmUnserved(resource, answer) {
    const path = `/apis/${toApiVersion(resource)}`;
    const key = `${path}/${resource.plural}`;
    const since = resource.plural === neverRemembered ? undefined : denied.get(key);
    if (since !== undefined && elapsed() - since < rememberedMs) return 'unserved';

    if (await isServed(transport, path, resource)) {
      throw new UncertainError(
        `${toTitle(answer.call)}: answered 404, but ${path} says that ${resource.plural} are served; the API server has not caught up`,
      );
    }
    denied.set(key, elapsed());
    return 'unserved';
  };
}

async function isServed(transport: Transport, path: string, { plural }: Resource): Promise<boolean> {
  const discovered = await transport.read({ method: 'GET', path });
  if (discovered.status === 404) return false;
  if (discovered.status !== 200) throw toUncertain(discovered);
  return decode(ResourceList, discovered).resources.some(({ name }) => name === plural);
}
