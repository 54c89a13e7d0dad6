import { bindingFields, bindingResource } from '../../shared/api/binding.ts';
import { outputLabels, outputResource } from '../../shared/api/cluster-spiffe-id.ts';
import { objectiveResources } from '../../shared/api/objective.ts';
import { poolResources } from '../../shared/api/pool.ts';
import { managedBy } from '../../shared/identity/ownership.ts';
import { toPath } from '../../shared/kube/addresses.ts';
import { movingOrUnreadable } from '../../shared/collect/neighbourhood.ts';
import type { FieldQuery, LabelQuery } from '../../shared/kube/cluster.ts';
import { toFieldSelector, toLabelSelector } from '../../shared/kube/selectors.ts';
import type { Stored } from '../support/kube-client.ts';
import type { BareClient } from './bare-client.ts';

/** What the protocol reads between its writes for a new binding. */
export interface Reads {
  /** Before the finalizer. */
  binding(stored: Stored): Promise<unknown>;
  /** Beside the write of the finalizer. */
  sources(stored: Stored): Promise<unknown>;
  /** After the announcement: who else is there. */
  others(told: Stored): Promise<unknown>;
}

export const noReads: Reads = {
  binding: () => Promise.resolve(),
  sources: () => Promise.resolve(),
  others: () => Promise.resolve(),
};

/** The same reads as kleym's, by a client that looks at no answer. */
export function createReads(client: BareClient): Reads {
  const get = (path: string) => client.send('GET', path);
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
      const state = { resourceVersionMatch: 'NotOlderThan' };
      const since = { ...state, resourceVersion: told.metadata.resourceVersion };
      return Promise.all([
        ...fields.map(([field, limit]) =>
          get(
            `${toPath({ resource: bindingResource, namespace })}?${toQuery({ ...since, limit, fieldSelector: toFieldSelector(field) })}`,
          ),
        ),
        ...labels.map((query) =>
          get(
            `${toPath({ resource: outputResource })}?${toQuery({ ...state, resourceVersion: '0', ...toLabelSelector(query) })}`,
          ),
        ),
      ]);
    },
  };
}

interface ToldStatus {
  readonly keyDigest: string;
  readonly claim: { readonly serviceAccountName: string };
}

function toQuery(query: Readonly<Record<string, string>>): string {
  return new URLSearchParams(query).toString();
}
