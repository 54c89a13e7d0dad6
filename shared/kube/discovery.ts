import { z } from 'zod';
import { type Resource, toApiVersion } from '../api/object-meta.ts';
import { decode, toUncertain } from './answers.ts';
import { type Answer, type Transport, toTitle } from './transport.ts';
import { UncertainError } from './uncertain-error.ts';

const ResourceList = z.object({ resources: z.array(z.object({ name: z.string() })) });

/**
 * After a 404 that names no object: is the resource not installed? A server that says it is, and yet answered 404, has not
 * caught up with its own definitions, and nothing follows from its 404.
 */
export async function confirmUnserved(
  transport: Transport,
  resource: Resource,
  answer: Answer,
): Promise<'unserved'> {
  const path = `/apis/${toApiVersion(resource)}`;
  const discovered = await transport.read({ method: 'GET', path });
  if (discovered.status === 404) return 'unserved';
  if (discovered.status !== 200) throw toUncertain(discovered);
  const { resources } = decode(ResourceList, discovered);
  if (!resources.some(({ name }) => name === resource.plural)) return 'unserved';
  throw new UncertainError(
    `${toTitle(answer.call)}: answered 404, but ${path} says that ${resource.plural} are served; the API server has not caught up`,
  );
}
