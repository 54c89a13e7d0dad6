import { bindingResource } from '../../shared/api/binding.ts';
import { outputResource } from '../../shared/api/cluster-spiffe-id.ts';
import { objectiveResources } from '../../shared/api/objective.ts';
import { poolResources } from '../../shared/api/pool.ts';
import { toOwnLabels } from '../../shared/collect/neighbourhood.ts';
import { type Address, toPath } from '../../shared/kube/addresses.ts';
import { toLabelSelector } from '../../shared/kube/selectors.ts';
import type { Stored } from '../support/kube-client.ts';
import type { BareClient } from './bare-client.ts';

/** What the protocol reads between its writes for a new binding. */
export interface BareReads {
  /** Before the finalizer. */
  binding(stored: Stored): Promise<unknown>;
  /** Beside the write of the finalizer. */
  sources(stored: Stored): Promise<unknown>;
  /** After the announcement: who else is there. */
  others(told: Stored): Promise<unknown>;
}

/** The same reads as kleym's in a namespace of few bindings, by a client that looks at no answer. */
export function createBareReads(client: BareClient): BareReads {
  const get = (path: string) => client.send('GET', path);
  const list = (address: Address, query: Readonly<Record<string, string>>) =>
    get(
      `${toPath(address)}?${new URLSearchParams({ ...query, resourceVersionMatch: 'NotOlderThan' }).toString()}`,
    );
  // Of the groups, one has the object, and a cluster need not serve them all.
  const tryGet = (path: string) =>
    get(path).catch((error: Error) => {
      if (!error.message.includes(': 404 ')) throw error;
    });
  return {
    binding: ({ metadata: { namespace, name } }) =>
      get(toPath({ resource: bindingResource, namespace, name })),
    sources: ({ metadata: { namespace = '', name, resourceVersion } }) =>
      Promise.all([
        ...[...poolResources, ...objectiveResources].map((resource) =>
          tryGet(toPath({ resource, namespace, name })),
        ),
        list({ resource: bindingResource, namespace }, { resourceVersion, limit: '1' }),
      ]),
    others: ({ metadata: { namespace = '', resourceVersion } }) => {
      return Promise.all([
        list({ resource: bindingResource, namespace }, { resourceVersion, limit: '33' }),
        list(
          { resource: outputResource },
          { resourceVersion: '0', ...toLabelSelector(toOwnLabels(namespace)) },
        ),
      ]);
    },
  };
}
