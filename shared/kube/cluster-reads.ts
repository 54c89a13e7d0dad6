import type { z } from 'zod';
import { Binding, type BindingField, bindingResource } from '../api/binding.ts';
import { Output, outputResource } from '../api/cluster-spiffe-id.ts';
import type { Resource } from '../api/object-meta.ts';
import { Objective } from '../api/objective.ts';
import { Pool } from '../api/pool.ts';
import { type Address, isPathSegment, toPath } from './addresses.ts';
import { isUnsupportedField, toFound, toUncertain } from './answers.ts';
import type { Beginning, Cluster, Found } from './cluster.ts';
import { createDiscovery } from './discovery.ts';
import { type Paged, listPages } from './pages.ts';
import { toFieldSelector, toFieldValue, toLabelSelector } from './selectors.ts';
import { createWordSharing } from './share-words.ts';
import type { Transport } from './transport.ts';

type Query = Readonly<Record<string, string>>;
type ClusterReads = Pick<
  Cluster,
  | 'getBinding'
  | 'listBindings'
  | 'listOutputs'
  | 'getOutput'
  | 'getPool'
  | 'listPools'
  | 'getObjective'
  | 'listObjectives'
>;

/** The calls of the port that read. */
export function createReads(transport: Transport): ClusterReads {
  const confirmUnserved = createDiscovery(transport, () => performance.now());

  async function get<T>(
    address: Address & { readonly name: string },
    schema: z.ZodType<T>,
  ): Promise<Found<T>> {
    const { resource, namespace, name } = address;
    // A reference may say anything; no object has such a name.
    if (!isPathSegment(name) || (namespace !== undefined && !isPathSegment(namespace))) return 'absent';
    const answer = await transport.read({ method: 'GET', path: toPath(address) });
    const found = toFound(schema, name, answer);
    return found === 'elsewhere' ? await confirmUnserved(resource, answer) : found;
  }

  async function list<T>(
    address: Address,
    schema: z.ZodType<T>,
    query: Query = {},
    most?: number,
  ): Promise<Beginning<T> | 'unserved'> {
    return await settle(
      address.resource,
      await listPages(transport, { path: toPath(address), query, most }, schema),
    );
  }

  async function settle<T>(resource: Resource, paged: Paged<T>): Promise<Beginning<T> | 'unserved'> {
    if (paged.kind === 'listed') return paged.listed;
    if (paged.answer.status !== 404) throw toUncertain(paged.answer);
    return await confirmUnserved(resource, paged.answer);
  }

  async function listBindingsBy(
    address: Address,
    field: { path: BindingField; value: string },
    most: number | undefined,
  ): Promise<Beginning<Binding> | 'unserved'> {
    const query = { fieldSelector: toFieldSelector(field.path, field.value) };
    const paged = await listPages(transport, { path: toPath(address), query, most }, bindingsOfOneList());
    if (paged.kind === 'listed' || !isUnsupportedField(paged.answer))
      return await settle(bindingResource, paged);
    // Not remembered: the definition may be replaced by one with this field while we run.
    const all = await list(address, bindingsOfOneList());
    if (all === 'unserved') return all;
    const items = all.items.filter((binding) => toFieldValue(binding, field.path) === field.value);
    return { ...all, items: items.slice(0, most), isComplete: items.length <= (most ?? Infinity) };
  }

  return {
    getBinding: (namespace, name) => get({ resource: bindingResource, namespace, name }, Binding),
    listBindings: ({ namespace, field, most }) => {
      const address = toListAddress(bindingResource, namespace);
      return field ? listBindingsBy(address, field, most) : list(address, bindingsOfOneList(), {}, most);
    },
    listOutputs: (labels) => list({ resource: outputResource }, Output, toLabelSelector(labels)),
    getOutput: (name) => get({ resource: outputResource, name }, Output),
    getPool: (resource, namespace, name) => get({ resource, namespace, name }, Pool),
    listPools: (resource, namespace) => list(toListAddress(resource, namespace), Pool),
    getObjective: (resource, namespace, name) => get({ resource, namespace, name }, Objective),
    listObjectives: (resource, namespace) => list(toListAddress(resource, namespace), Objective),
  };
}

function bindingsOfOneList(): z.ZodType<Binding> {
  return Binding.transform(createWordSharing());
}

function toListAddress(resource: Resource, namespace: string | undefined): Address {
  return namespace === undefined ? { resource } : { resource, namespace };
}
