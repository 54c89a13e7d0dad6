import type { JsonObject } from './json.ts';
import type { Kinds } from './kinds.ts';
import { accessReview } from './access-review.ts';

/** One version of a group with its resources, as discovery lists them. */
export interface GroupVersion {
  readonly group: string;
  readonly version: string;
  readonly resources: readonly Listed[];
}

/** What discovery says of one resource. */
interface Listed {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly isNamespaced: boolean;
  readonly hasStatus: boolean;
  readonly verbs: readonly string[];
}

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** The groups and versions served now. */
export function listGroupVersions(kinds: Kinds): GroupVersion[] {
  const unstored = {
    shortNames: [],
    categories: [],
    isNamespaced: false,
    hasStatus: false,
    verbs: ['create'],
  };
  const listed: Listed[] = [
    ...kinds.all().map((resource) => ({ ...resource, verbs })),
    { ...accessReview, ...unstored },
  ];
  const byVersion = Map.groupBy(listed, ({ group, version }) => `${group}/${version}`);
  return [...byVersion.values()].flatMap((resources) =>
    resources[0] === undefined
      ? []
      : [{ group: resources[0].group, version: resources[0].version, resources }],
  );
}

const statusVerbs = ['get', 'patch', 'update'];

/** The older discovery of one version: a flat list in which subresources stand beside their resource. */
export function toResourceList({ group, version, resources }: GroupVersion): JsonObject {
  const listed = resources.flatMap((resource): JsonObject[] => {
    const { plural, singular, kind, isNamespaced: namespaced } = resource;
    const main = { name: plural, singularName: singular, namespaced, kind, verbs: [...resource.verbs] };
    const status = { name: `${plural}/status`, singularName: '', namespaced, kind, verbs: statusVerbs };
    return [{ ...main, ...optional(resource) }, ...(resource.hasStatus ? [status] : [])];
  });
  const groupVersion = group === '' ? version : `${group}/${version}`;
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: listed };
}

function optional(resource: Listed): JsonObject {
  const { shortNames, categories } = resource;
  return {
    ...(shortNames.length === 0 ? {} : { shortNames: [...shortNames] }),
    ...(categories.length === 0 ? {} : { categories: [...categories] }),
  };
}

/** The older discovery of one group, or undefined where it is not served. */
export function toGroup(group: string, all: readonly GroupVersion[]): JsonObject | undefined {
  const versions = toVersions(group, all);
  if (versions[0] === undefined) return undefined;
  return { kind: 'APIGroup', apiVersion: 'v1', name: group, versions, preferredVersion: versions[0] };
}

function toVersions(group: string, all: readonly GroupVersion[]): JsonObject[] {
  return all
    .filter((each) => each.group === group)
    .map(({ version }) => ({ groupVersion: `${group}/${version}`, version }));
}

/** The older discovery of all groups but the core. */
export function toGroupList(all: readonly GroupVersion[]): JsonObject {
  const names = [...new Set(all.map(({ group }) => group))].filter((group) => group !== '');
  const groups = names.map((name) => toGroup(name, all)).filter((group) => group !== undefined);
  return { kind: 'APIGroupList', apiVersion: 'v1', groups };
}

/** Everything in one answer; the core group and the others have addresses of their own. */
export function toAggregatedDiscovery(all: readonly GroupVersion[], isCore: boolean): JsonObject {
  const groups = Map.groupBy(
    all.filter(({ group }) => (group === '') === isCore),
    ({ group }) => group,
  );
  const items = [...groups].map(([name, versions]) => ({
    metadata: name === '' ? {} : { name },
    versions: versions.map(({ version, resources }) => ({
      version,
      resources: resources.map(toAggregatedResource),
      freshness: 'Current',
    })),
  }));
  return { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items };
}

function toAggregatedResource(resource: Listed): JsonObject {
  const responseKind = { group: resource.group, version: resource.version, kind: resource.kind };
  const subresources = [{ subresource: 'status', responseKind, verbs: statusVerbs }];
  return {
    resource: resource.plural,
    responseKind,
    scope: resource.isNamespaced ? 'Namespaced' : 'Cluster',
    singularResource: resource.singular,
    verbs: [...resource.verbs],
    ...optional(resource),
    ...(resource.hasStatus ? { subresources } : {}),
  };
}
