import type { z } from 'zod';
import { Binding, bindingResource } from '../api/binding.ts';
import { Output, outputResource } from '../api/cluster-spiffe-id.ts';
import type { Resource } from '../api/object-meta.ts';
import { Objective } from '../api/objective.ts';
import { Pool } from '../api/pool.ts';
import { type Address, isPathSegment, toPath } from './addresses.ts';
import { isUnsupportedField, toFound, toServerTime, toUncertain } from './api-answers.ts';
import type { PartialList, ClusterReads, FieldQueries, Found } from './cluster.ts';
import { type ConfirmUnserved, createDiscovery } from './discovery.ts';
import { type List, type Paged, listPages } from './list-pages.ts';
import { isSelected, toFieldSelector, toLabelSelector } from './selectors.ts';
import { createConditionSharing } from './share-conditions.ts';
import { SweepReportObject, sweepReportAddress } from './sweep-report-object.ts';
import type { ApiAnswer, Transport } from './transport.ts';

type Query = Readonly<Record<string, string>>;

/** The calls of the port that read. */
export function createReads(transport: Transport): ClusterReads {
  const confirmUnserved = createDiscovery(transport, () => performance.now());

  const get = createGet(transport, confirmUnserved);

  async function getDated<T>(
    address: Parameters<Get>[0],
    schema: z.ZodType<T>,
  ): Promise<{ readonly found: Found<T>; readonly at: string }> {
    let at = '';
    const found = await get(address, schema, (answer) => {
      at = toServerTime(answer);
    });
    return { found, at };
  }

  async function listAll<T>(
    address: Address,
    schema: z.ZodType<T>,
    query: Query = {},
    extent: Pick<List, 'most' | 'state' | 'onState'> = {},
  ): Promise<PartialList<T> | 'unserved'> {
    return await settle(
      address.resource,
      await listPages(transport, { path: toPath(address), query, ...extent }, schema),
    );
  }

  async function settle<T>(resource: Resource, paged: Paged<T>): Promise<PartialList<T> | 'unserved'> {
    if (paged.kind === 'listed') return paged.listed;
    if (paged.answer.status !== 404) throw toUncertain(paged.answer);
    return await confirmUnserved(resource, paged.answer);
  }

  async function listBindingsBy(
    address: Address,
    field: FieldQueries,
    { most, state }: Pick<List, 'most' | 'state'>,
  ): Promise<PartialList<Binding> | 'unserved'> {
    const query = { fieldSelector: toFieldSelector(field) };
    const list = { path: toPath(address), query, most, state };
    const paged = await listPages(transport, list, bindingsOfOneList());
    if (paged.kind === 'listed' || !isUnsupportedField(paged.answer))
      return await settle(bindingResource, paged);
    // Not remembered: the definition may be replaced by one with this field while we run.
    const all = await listAll(address, bindingsOfOneList());
    if (all === 'unserved') return all;
    const items = all.items.filter((binding) => isSelected(binding, field));
    return { ...all, items: items.slice(0, most), isComplete: items.length <= (most ?? Infinity) };
  }

  return {
    getBinding: (namespace, name) => get({ resource: bindingResource, namespace, name }, Binding),
    readBinding: (namespace, name) => getDated({ resource: bindingResource, namespace, name }, Binding),
    listBindings: ({ namespace, field, most, notOlderThan, onState }) => {
      const address = toListAddress(bindingResource, namespace);
      const extent = { most, state: notOlderThan === undefined ? undefined : toState(notOlderThan) };
      return field
        ? listBindingsBy(address, field, extent)
        : listAll(address, bindingsOfOneList(), {}, { ...extent, onState });
    },
    listOutputs: (labels, options) => {
      const state = options?.isCached ? toState('0') : undefined;
      return listAll({ resource: outputResource }, Output, toLabelSelector(labels), { state });
    },
    getOutput: (name) => get({ resource: outputResource, name }, Output),
    getPool: (resource, namespace, name) => get({ resource, namespace, name }, Pool),
    listPools: (resource, namespace) => listAll(toListAddress(resource, namespace), Pool),
    getObjective: (resource, namespace, name) => get({ resource, namespace, name }, Objective),
    listObjectives: (resource, namespace) => listAll(toListAddress(resource, namespace), Objective),
    readSweepReport: () => getDated(sweepReportAddress, SweepReportObject),
  };
}

type Get = <T>(
  address: Address & { readonly name: string },
  schema: z.ZodType<T>,
  onAnswer?: (answer: ApiAnswer) => void,
) => Promise<Found<T>>;

function createGet(transport: Transport, confirmUnserved: ConfirmUnserved): Get {
  return async (address, schema, onAnswer) => {
    const { resource, namespace, name } = address;
    // A reference may say anything; no object has such a name.
    if (!isPathSegment(name) || (namespace !== undefined && !isPathSegment(namespace))) return 'absent';
    const answer = await transport.read({ method: 'GET', path: toPath(address) });
    onAnswer?.(answer);
    const found = toFound(schema, name, answer);
    return found === 'elsewhere' ? await confirmUnserved(resource, answer) : found;
  };
}

function toState(resourceVersion: string): Query {
  return { resourceVersion, resourceVersionMatch: 'NotOlderThan' };
}

function bindingsOfOneList(): z.ZodType<Binding> {
  return Binding.transform(createConditionSharing());
}

function toListAddress(resource: Resource, namespace: string | undefined): Address {
  return namespace === undefined ? { resource } : { resource, namespace };
}
