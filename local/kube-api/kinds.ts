import type { Rules } from './cel.ts';
import type { KubeObject } from './kube-object.ts';
import { subdomainErrors } from './names.ts';
import type { FieldError } from './status-error.ts';
import type { Schema } from './schema.ts';
import type { SelectableFields } from './selectors.ts';
import type { Column } from './tables.ts';

/** One resource as it is served: a plural of a group and version, and everything its requests depend on. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly listKind: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly isNamespaced: boolean;
  /** Custom resources are worded, listed and patched a little differently from built-in ones. */
  readonly isCustom: boolean;
  readonly hasStatus: boolean;
  readonly hasGeneration: boolean;
  /** Where the objects are kept; two resources may show the same objects. */
  readonly storage: string;
  readonly schema: Schema;
  readonly rules: Rules;
  readonly fields: SelectableFields;
  readonly columns: readonly Column[];
  readonly nameErrors: (name: string) => string[];
  /** Turns what a client wrote into what is stored; on an update `old` is what was stored before. */
  readonly prepare: (object: KubeObject, old: KubeObject | undefined) => KubeObject;
  /** What is wrong beyond the schema. */
  readonly validate: (object: KubeObject, old: KubeObject | undefined) => FieldError[];
  /** Turns what is stored into what this version shows. */
  readonly present: (object: KubeObject) => KubeObject;
}

/** What every resource does unless it says otherwise. */
export const plainResource = {
  shortNames: [],
  categories: [],
  isNamespaced: true,
  isCustom: false,
  hasStatus: false,
  hasGeneration: false,
  rules: new Map(),
  columns: [],
  nameErrors: subdomainErrors,
  prepare: (object: KubeObject) => object,
  validate: () => [],
  present: (object: KubeObject) => object,
} as const;

export const metadataFields: SelectableFields = {
  'metadata.name': ['metadata', 'name'],
  'metadata.namespace': ['metadata', 'namespace'],
};

export function groupVersionOf({ group, version }: Pick<Resource, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`;
}

/** The resources served now: the built-in ones, and those of the definitions that are installed. */
export interface Kinds {
  all(): readonly Resource[];
  find(group: string, version: string, plural: string): Resource | undefined;
  /** The resource that objects of an apiVersion and kind belong to. */
  findKind(apiVersion: string, kind: string): Resource | undefined;
  isBuiltInGroup(group: string): boolean;
  /** Replaces the resources that one definition stands for; none takes them away. */
  define(definition: string, resources: readonly Resource[]): void;
}

export function createKinds(builtIn: readonly Resource[]): Kinds {
  const defined = new Map<string, readonly Resource[]>();
  let all = builtIn;

  return {
    all: () => all,
    find: (group, version, plural) =>
      all.find((each) => each.group === group && each.version === version && each.plural === plural),
    findKind: (apiVersion, kind) =>
      all.find((each) => each.kind === kind && groupVersionOf(each) === apiVersion),
    isBuiltInGroup: (group) => builtIn.some((each) => each.group === group),
    define(definition, resources) {
      if (resources.length === 0) defined.delete(definition);
      else defined.set(definition, resources);
      all = [...builtIn, ...[...defined.values()].flat()];
    },
  };
}
