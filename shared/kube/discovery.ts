import { z } from 'zod';
import { outputResource } from '../api/cluster-spiffe-id.ts';
import { type Resource, toApiVersion } from '../api/object-meta.ts';
import { decode, toUncertain } from './api-answers.ts';
import { type ApiAnswer, type Transport, toTitle } from './transport.ts';
import { UncertainError } from '../api/uncertain-error.ts';

const ResourceList = z.object({ resources: z.array(z.object({ name: z.string() })) });
const Group = z.object({ versions: z.array(z.object({ groupVersion: z.string() })) });

/**
 * After a 404 that names no object: is the resource not installed? If discovery says that it is served, the server has
 * not caught up with its own definitions, and its 404 proves nothing.
 */
export type ConfirmUnserved = (resource: Resource, answer: ApiAnswer) => Promise<'unserved'>;

// Every collect asks for the groups of pools and objectives that a cluster does not serve. For this long, the answer of
// discovery and another 404 together are proof enough.
const rememberedMs = 10_000;

/**
 * Confirms a 404 by discovery. What discovery denied is remembered for a moment, but the resource is asked for each
 * time.
 */
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
 * Asks discovery for every version of the group. If outputs are not installed, none can exist, and finalizers go. But
 * all versions show the same objects, so a version that kleym cannot read may show outputs in force. Nothing is
 * remembered: of several API servers one may answer 404 while another serves the CRD again.
 */
async function confirmNowhere(
  transport: Transport,
  resource: Resource,
  answer: ApiAnswer,
): Promise<'unserved'> {
  const path = `/apis/${resource.group}`;
  const discovered = await discover(transport, path);
  if (discovered === 'absent') return 'unserved';

  const ours = toApiVersion(resource);
  const listed = decode(Group, discovered).versions.map(({ groupVersion }) => groupVersion);
  const found = await Promise.all(
    // The group may have been read before our version was added.
    [...new Set([ours, ...listed])].map(async (apiVersion) => ({
      apiVersion,
      is: await lookUp(transport, apiVersion, resource),
    })),
  );
  const served = found.filter(({ is }) => is === 'served').map(({ apiVersion }) => apiVersion);
  if (served.includes(ours)) throw toLate(answer, `/apis/${ours} says that ${resource.plural} are served`);
  if (served.length > 0) throw toElsewhere(resource, answer, served);
  // While a definition changes its versions, the group may name one that is not served at that moment.
  const unknown = found.find(({ apiVersion, is }) => is === 'absent' && listed.includes(apiVersion));
  if (unknown) throw toLate(answer, `${path} names ${unknown.apiVersion}, which is answered with 404`);
  return 'unserved';
}

function toLate({ call }: ApiAnswer, contradiction: string): UncertainError {
  return new UncertainError(
    `${toTitle(call)}: answered 404, but ${contradiction}; the API server has not caught up`,
  );
}

function toElsewhere(resource: Resource, { call }: ApiAnswer, served: readonly string[]): UncertainError {
  const { group, version, plural } = resource;
  return new UncertainError(
    `${toTitle(call)}: answered 404, because ${plural} are served as ${served.join(', ')} and not as ` +
      `${toApiVersion(resource)}, which is what kleym reads and writes; let the CRD ${plural}.${group} serve ${version} again`,
  );
}

/** What discovery says about a resource; `absent`: it does not know the version. */
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

async function discover(transport: Transport, path: string): Promise<ApiAnswer | 'absent'> {
  const discovered = await transport.read({ method: 'GET', path });
  if (discovered.status === 404) return 'absent';
  if (discovered.status !== 200) throw toUncertain(discovered);
  return discovered;
}
