import type { Resource } from '../../shared/api/object-meta.ts';
import { UncertainError } from '../../shared/api/uncertain-error.ts';
import { toPath } from '../../shared/kube/addresses.ts';
import { toAccepted } from '../../shared/kube/api-answers.ts';
import type { Transport } from '../../shared/kube/transport.ts';

/** The two writes that a trial makes. Each throws where it is refused. */
export interface Writes {
  create(resource: Resource, where: { readonly namespace?: string }, object: object): Promise<void>;
  /** One that is not there is gone already. */
  remove(resource: Resource, where: { readonly namespace?: string; readonly name: string }): Promise<void>;
}

/** Writes to an API server. */
export function createWrites(transport: Transport): Writes {
  return {
    create: async (resource, { namespace }, object) => {
      const path = toPath({ resource, namespace });
      const body = { type: 'application/json', content: object };
      const written = toAccepted(await transport.write({ method: 'POST', path, body }));
      if (written.kind === 'rejected') throw new UncertainError(`POST ${path}: ${written.message}`);
    },
    remove: async (resource, { namespace, name }) => {
      const path = toPath({ resource, namespace, name });
      const written = toAccepted(await transport.write({ method: 'DELETE', path }));
      if (written.kind === 'rejected') throw new UncertainError(`DELETE ${path}: ${written.message}`);
    },
  };
}
