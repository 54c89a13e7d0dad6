import type { z } from 'zod';
import type { Resource } from '../api/object-meta.ts';
import { isPathSegment, toPath } from './addresses.ts';
import { decode, toFound, toUncertain } from './api-answers.ts';
import type { PartialList } from './cluster.ts';
import { listPages } from './list-pages.ts';
import type { Transport } from './transport.ts';

/** What to list, and by what it is selected. */
interface Listing {
  readonly namespace?: string | undefined;
  readonly labels?: string | undefined;
  readonly fields?: string | undefined;
}

/** The reads of what kleym itself never reads. `unserved`: no version that we know is served. */
export interface Lookups {
  /** The beginning of a list; more than so many are not read. */
  listSome<T>(
    resource: Resource,
    where: Listing & { readonly most: number },
    schema: z.ZodType<T>,
  ): Promise<Pick<PartialList<T>, 'items' | 'isComplete'> | 'unserved'>;
  list<T>(resource: Resource, where: Listing, schema: z.ZodType<T>): Promise<readonly T[] | 'unserved'>;
  get<T>(resource: Resource, where: Named, schema: z.ZodType<T>): Promise<T | 'absent'>;
  /** The answer to a path of no resource; undefined: there is none. */
  read<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined>;
}

interface Named {
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** Lookups at an API server. */
export function createLookups(transport: Transport): Lookups {
  async function list<T>(
    resource: Resource,
    { namespace, labels, fields }: Listing,
    most: number | undefined,
    schema: z.ZodType<T>,
  ): Promise<PartialList<T> | 'unserved'> {
    const query = {
      ...(labels !== undefined && { labelSelector: labels }),
      ...(fields !== undefined && { fieldSelector: fields }),
    };
    const path = toPath({ resource, namespace });
    const paged = await listPages(transport, { path, query, most }, schema);
    if (paged.kind === 'listed') return paged.listed;
    if (paged.answer.status === 404) return 'unserved';
    throw toUncertain(paged.answer);
  }

  return {
    listSome: (resource, { most, ...where }, schema) => list(resource, where, most, schema),
    list: async (resource, where, schema) => {
      const listed = await list(resource, where, undefined, schema);
      return listed === 'unserved' ? listed : listed.items;
    },
    get: async (resource, { namespace, name }, schema) => {
      if (!isPathSegment(name)) return 'absent';
      const path = toPath({ resource, namespace, name });
      const found = toFound(schema, name, await transport.read({ method: 'GET', path }));
      return found === 'elsewhere' ? 'absent' : found;
    },
    read: async (path, schema) => {
      const answer = await transport.read({ method: 'GET', path });
      if (answer.status === 404) return undefined;
      if (answer.status !== 200) throw toUncertain(answer);
      return decode(schema, answer);
    },
  };
}
