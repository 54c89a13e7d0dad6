import { bindingFields, bindingResource } from '../../shared/api/binding.ts';
import { outputLabels, outputResource } from '../../shared/api/cluster-spiffe-id.ts';
import { objectiveResources } from '../../shared/api/objective.ts';
import { poolResources } from '../../shared/api/pool.ts';
import { managedBy } from '../../shared/identity/ownership.ts';
import { type Address, toPath } from '../../shared/kube/addresses.ts';
import { movingOrUnreadable } from '../../shared/collect/neighbourhood.ts';
import type { FieldQuery, LabelQuery } from '../../shared/kube/cluster.ts';
import { toFieldSelector, toLabelSelector } from '../../shared/kube/selectors.ts';
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

/** The same reads as kleym's, by a client that looks at no answer. */
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
    sources: ({ metadata: { namespace, name } }) =>
      Promise.all(
        [...poolResources, ...objectiveResources].map((resource) =>
          tryGet(toPath({ resource, namespace, name })),
        ),
      ),
    others: (told) => {
      const { name, namespace = '' } = told.metadata;
      const { keyDigest, claim } = told.status as ToldStatus;
      const fields: (readonly [FieldQuery, limit: string])[] = [
        [{ path: bindingFields.key, value: keyDigest }, '16'],
        [{ path: bindingFields.serviceAccount, value: claim.serviceAccountName }, '33'],
        [movingOrUnreadable, '16'],
      ];
      const ours = { [outputLabels.managedBy]: managedBy, [outputLabels.bindingNamespace]: namespace };
      const labels: LabelQuery[] = [
        { ...ours, [outputLabels.bindingName]: [name] },
        { ...ours, [outputLabels.key]: undefined },
        { ...ours, [outputLabels.key]: [keyDigest] },
      ];
      const since = { resourceVersion: told.metadata.resourceVersion };
      const ofBindings = { resource: bindingResource, namespace };
      return Promise.all([
        ...fields.map(([field, limit]) =>
          list(ofBindings, { ...since, limit, fieldSelector: toFieldSelector(field) }),
        ),
        ...labels.map((query) =>
          list({ resource: outputResource }, { resourceVersion: '0', ...toLabelSelector(query) }),
        ),
      ]);
    },
  };
}

interface ToldStatus {
  readonly keyDigest: string;
  readonly claim: { readonly serviceAccountName: string };
}
