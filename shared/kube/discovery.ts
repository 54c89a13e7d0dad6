import { z } from 'zod';
import { outputResource } from '../api/cluster-spiffe-id.ts';
import { type Resource, toApiVersion } from '../api/object-meta.ts';
import { decode, toUncertain } from './answers.ts';
import { type Answer, type Transport, toTitle } from './transport.ts';
import { UncertainError } from '../api/uncertain-error.ts';

const ResourceList = z.object({ resources: z.array(z.object({ name: z.string() })) });
const Group = z.object({ versions: z.array(z.object({ groupVersion: z.string() })) });

/**
 * After a 404 that names no object: is the resource not installed? A server that says it is, and yet answered 404, has not
 * caught up with its own definitions, and nothing follows from its 404.
 */
export type ConfirmUnserved = (resource: Resource, answer: Answer) => Promise<'unserved'>;

// The groups of pools and objectives that a cluster does not serve are asked for in each collect. For so long, the answer
// of discovery and the 404 of the moment together are proof enough.
const rememberedMs = 10_000;

/** Confirms a 404 by discovery. What discovery denied is remembered for a moment; it is never a reason not to ask. */
export function createDiscovery(transport: Transport, elapsed: () => number): ConfirmUnserved {
  const denied = new Map<string, number>();
  return async function confirmUnserved(resource, answer) {
    if (resource.plural === outputResource.plural) return confirmNowhere(transport, resource, answer);
    const apiVersion = toApiVersion(resource);
    const key = `${apiVersion}/${resource.plural}`;
    const since = denied.get(key);
    if (since !== undefined && elapsed() - since < rememberedMs) return 'unserved';

    if ((await lookUp(transport, apiVersion, resource)) === 'served') {
      throw toLate(answer, `/apis/${apiVersion} says that ${resource.plural} are served`);
    }
    denied.set(key, elapsed());
    return 'unserved';
  };
}

/**
 * The same for every version of the group. Where outputs are not installed, none can be left behind, and finalizers go; but
 * all versions show the same objects, so a version that we cannot read may show outputs that are in force. Nothing is
 * remembered: of several API servers one may answer 404 when its neighbour serves the CRD again.
 */
async function confirmNowhere(transport: Transport, resource: Resource, answer: Answer): Promise<'unserved'> {
  const path = `/apis/${resource.group}`;
  const discovered = await discover(transport, path);
  if (discovered === 'absent') return 'unserved';

  const ours = toApiVersion(resource);
  const listed = decode(Group, discovered).versions.map(({ groupVersion }) => groupVersion);
  const found = await Promise.all(
    // The group may have been read before our version came.
    [...new Set([ours, ...listed])].map(async (apiVersion) => ({
      apiVersion,
      is: await lookUp(transport, apiVersion, resource),
    })),
  );
  const served = found.filter(({ is }) => is === 'served').map(({ apiVersion }) => apiVersion);
  if (served.includes(ours)) throw toLate(answer, `/apis/${ours} says that ${resource.plural} are served`);
  if (served.length > 0) throw toElsewhere(resource, answer, served);
  // While a definition changes its versions, the group names them a moment before or after they are served.
  const unknown = found.find(({ apiVersion, is }) => is === 'absent' && listed.includes(apiVersion));
  if (unknown) throw toLate(answer, `${path} names ${unknown.apiVersion}, which is answered with 404`);
  return 'unserved';
}

function toLate({ call }: Answer, contradiction: string): UncertainError {
  return new UncertainError(
    `${toTitle(call)}: answered 404, but ${contradiction}; the API server has not caught up`,
  );
}

function toElsewhere(resource: Resource, { call }: Answer, served: readonly string[]): UncertainError {
  const { group, version, plural } = resource;
  return new UncertainError(
    `${toTitle(call)}: answered 404, because ${plural} are served as ${served.join(', ')} and not as ` +
      `${toApiVersion(resource)}, which is what kleym reads and writes; let the CRD ${plural}.${group} serve ${version} again`,
  );
}

/** What discovery says of a resource; `absent`: it does not know the version at all. */
async function lookUp(
  transport: Transport,
  apiVersion: string,
  { plural }: Resource,
): Promise<'served' | 'unserved' | 'absent'> {
  const discovered = await discover(transport, `/apis/${apiVersion}`);
  if (discovered === 'absent') return discovered;
  return decode(ResourceList, discovered).resources.some(({ name }) => name === plural)
    ? 'served'
    : 'unserved';
}

async function discover(transport: Transport, path: string): Promise<Answer | 'absent'> {
  const discovered = await transport.read({ method: 'GET', path });
  if (discovered.status === 404) return 'absent';
  if (discovered.status !== 200) throw toUncertain(discovered);
  return discovered;
}
