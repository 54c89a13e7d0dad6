import { z } from 'zod';
import { objectiveResources } from '../../shared/api/objective.ts';
import { poolResources } from '../../shared/api/pool.ts';
import { createLacks } from '../../shared/explain/kube/permissions.ts';
import type { Lookups } from '../../shared/kube/lookups.ts';

/** A pool or objective, by its name. */
export interface Source {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Of each group so many are searched. */
const mostOfGroup = 10_000;

const Named = z.object({ metadata: z.object({ name: z.string(), namespace: z.string() }) });

/**
 * The pools and objectives of the cluster or of one namespace, of which nothing but the name is kept. What may not be read
 * is not found.
 */
export async function readSources(lookups: Lookups, namespace?: string): Promise<readonly Source[]> {
  const lacks = createLacks();
  const lists = await Promise.all(
    [...poolResources, ...objectiveResources].map(async (resource) => {
      const schema = Named.transform(({ metadata }): Source => ({ kind: resource.kind, ...metadata }));
      const listed = await lacks.attempt(() =>
        lookups.listSome(resource, { namespace, most: mostOfGroup }, schema),
      );
      return listed === undefined || listed === 'unserved' ? [] : listed.items;
    }),
  );
  return lists.flat();
}
