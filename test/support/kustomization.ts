import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import type { Manifest } from './kube-client.ts';

/** What stands in a kustomization.yaml, as far as ours use it. */
export interface Kustomization {
  readonly kind: 'Kustomization' | 'Component';
  readonly resources?: readonly string[];
  readonly components?: readonly string[];
  readonly images?: readonly { readonly name: string; readonly newName: string; readonly newTag: string }[];
  readonly patches?: readonly { readonly path: string; readonly target?: Target }[];
  readonly configMapGenerator?: readonly ConfigMapGenerator[];
  readonly labels?: readonly { readonly pairs: Readonly<Record<string, string>> }[];
  readonly configurations?: readonly string[];
  readonly replacements?: readonly Replacement[];
}

interface ConfigMapGenerator {
  readonly name: string;
  readonly namespace: string;
  readonly behavior?: 'merge';
  readonly envs: readonly string[];
  readonly options: { readonly immutable: boolean };
}

interface Target {
  readonly group: string;
  readonly kind: string;
}

interface Replacement {
  readonly source: { readonly kind: string; readonly name: string; readonly fieldPath: string };
  readonly targets: readonly {
    readonly select: { readonly kind: string; readonly name: string };
    readonly fieldPaths: readonly string[];
    readonly options: { readonly delimiter: string; readonly index: number };
  }[];
}

/** A patch that an overlay may bring, with its operations as text. */
interface JsonPatch {
  readonly target: { readonly kind: string; readonly name: string };
  readonly patch: string;
}

/** What such a patch says: something more for a list. */
const Additions = z.array(z.strictObject({ op: z.literal('add'), path: z.string(), value: z.unknown() }));

/** The folder of the manifests. */
export const manifestsFolder = join(import.meta.dirname, '..', '..', 'knative');

/**
 * The objects that a kustomize folder stands for: resources, then components, then what it generates, then its own
 * patches, labels, images and replacements. A generated ConfigMap has its name without the hash, and so has who refers to it.
 */
export function readManifests(...folders: readonly string[]): Manifest[] {
  return folders.reduce<Manifest[]>((objects, folder) => build(join(manifestsFolder, folder), objects), []);
}

/** What a platform team writes over what the example has in `<…>`. */
const exampleValues = {
  '<YOUR-TRUST-DOMAIN>': 'example.org',
  '<YOUR-CLASS-NAME>': 'spire-mgmt-spire',
  '<YOUR-REGISTRY>': 'registry.example.org/team',
} as const;

/** The objects of the example overlay, once it is filled in. */
export function readExample(): Manifest[] {
  return fillIn(readManifests('overlays/example'));
}

/** The same objects, with values in the place of what the example has in `<…>`. */
export function fillIn(objects: readonly Manifest[]): Manifest[] {
  const filled = Object.entries(exampleValues).reduce(
    (done, [placeholder, value]) => done.replaceAll(placeholder, value),
    JSON.stringify(objects),
  );
  return JSON.parse(filled) as Manifest[];
}

/** The kustomization of a folder. */
export function readKustomization(folder: string): Kustomization {
  return parse(readFileSync(join(folder, 'kustomization.yaml'), 'utf8')) as Kustomization;
}

/** The patches that the comments of a component offer to overlays. */
export function readOfferedPatches(component: string): readonly JsonPatch[] {
  const text = readFileSync(join(manifestsFolder, component, 'kustomization.yaml'), 'utf8');
  const [, lines] = /^(# patches:\n(?:#   .*\n)+)/m.exec(text) ?? [];
  if (lines === undefined) throw new Error(`${component}: expected patches in the comments, found none`);
  return (parse(lines.replaceAll(/^# /gm, '')) as { patches: readonly JsonPatch[] }).patches;
}

/** The object as it is with this patch, or as it was, where the patch does not mean it. */
export function applyJsonPatch<T extends Manifest>(object: T, { target, patch: text }: JsonPatch): T {
  if (object.kind !== target.kind || !new RegExp(`^(${target.name})$`).test(object.metadata.name))
    return object;
  const patched = structuredClone(object);
  for (const { path, value } of Additions.parse(parse(text))) {
    const list = valueAt(patched, path.replace(/^\/(.*)\/-$/, '$1').split('/'));
    if (!Array.isArray(list)) throw new Error(`${object.metadata.name}: expected a list at ${path}`);
    list.push(value);
  }
  return patched;
}

/** The only object of this kind and name. */
export function findManifest(objects: readonly Manifest[], kind: string, name: string): Manifest {
  const [found, ...others] = objects.filter((one) => one.kind === kind && one.metadata.name === name);
  if (!found || others.length > 0)
    throw new Error(`expected one ${kind} ${name}, found ${found ? 1 + others.length : 0}`);
  return found;
}

/** The rules of a role, with nothing in them but groups, resources, names and verbs. */
export const Rules = z.array(
  z.strictObject({
    apiGroups: z.array(z.string()),
    resources: z.array(z.string()),
    resourceNames: z.array(z.string()).optional(),
    verbs: z.array(z.string()),
  }),
);

/** The roles that accounts have of these manifests; of one account, where it is named. */
export function rolesOfAccounts(objects: readonly Manifest[], account?: string): Manifest[] {
  return objects
    .filter(({ kind }) => kind === 'ClusterRoleBinding' || kind === 'RoleBinding')
    .filter((one) =>
      (one['subjects'] as { name: string }[]).some(({ name }) => account === undefined || name === account),
    )
    .map((one) => {
      const { kind, name } = one['roleRef'] as { readonly kind: string; readonly name: string };
      return findManifest(objects, kind, name);
    });
}

/** What an account may do: verbs by `resource.group`, with the names of objects where it is only these. */
export function permissionsOf(objects: readonly Manifest[], account: string): Record<string, string[]> {
  const granted: Record<string, string[]> = {};
  for (const rule of rolesOfAccounts(objects, account).flatMap((role) => Rules.parse(role['rules']))) {
    const names = rule.resourceNames === undefined ? '' : `/${rule.resourceNames.join(',')}`;
    for (const resource of rule.resources)
      for (const group of rule.apiGroups)
        (granted[`${resource}.${group}${names}`] ??= []).push(...rule.verbs);
  }
  return granted;
}

function build(folder: string, before: readonly Manifest[]): Manifest[] {
  const { resources = [], components = [], patches = [], images = [], ...rest } = readKustomization(folder);
  const own = resources.flatMap((path) => readResource(join(folder, path)));
  const all = components.reduce<Manifest[]>(
    (objects, path) => build(join(folder, path), objects),
    [...before, ...own],
  );
  for (const generator of rest.configMapGenerator ?? []) generate(all, generator, folder);
  for (const { path, target } of patches)
    patch(all, parse(readFileSync(join(folder, path), 'utf8')) as Manifest, target, path);
  for (const { pairs } of rest.labels ?? []) label(all, pairs);
  for (const { name, newName, newTag } of images) setImage(all, name, `${newName}:${newTag}`);
  for (const replacement of rest.replacements ?? []) replace(all, replacement);
  return all;
}

function readResource(path: string): Manifest[] {
  if (statSync(path).isDirectory()) return build(path, []);
  return parseObjects(readFileSync(path, 'utf8'), path);
}

/** The objects of YAML documents; what is no YAML is an error that says where the text is from. */
export function parseObjects(text: string, from: string): Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [error] = document.errors;
    if (error) throw new Error(`${from} is not YAML: ${error.message}`, { cause: error });
    return (document.toJS() as Manifest | null) ?? [];
  });
}

/** In place. What is merged keeps labels and values, and nothing else, of what was there. */
function generate(objects: Manifest[], generator: ConfigMapGenerator, folder: string): void {
  const { name, namespace, behavior, envs, options } = generator;
  const index = objects.findIndex((one) => one.kind === 'ConfigMap' && one.metadata.name === name);
  const before = objects[index];
  if ((behavior === 'merge') !== (before !== undefined))
    throw new Error(`${folder} generates ${name}, expected it ${before ? 'to be merged' : 'to be there'}`);
  const data = Object.assign({}, before?.['data'], ...envs.map((path) => readEnv(join(folder, path))));
  const { labels } = before?.metadata ?? {};
  const generated: Manifest = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace, ...(labels && { labels }) },
    immutable: options.immutable,
    data,
  };
  objects.splice(before ? index : objects.length, 1, generated);
}

/** Not as in other files of this kind: what is behind the first `=` is the value, with its quotes and blanks. */
function readEnv(path: string): Record<string, string> {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => {
      const [, name, value] = /^([A-Z_]+)=(.*)$/.exec(line) ?? [];
      if (name === undefined || value === undefined)
        throw new Error(`${path}: expected NAME=value, found ${line}`);
      return [name, value];
    }),
  );
}

/** In place. A patch that meets nothing is a mistake. */
function patch(objects: Manifest[], content: Manifest, target: Target | undefined, path: string): void {
  let met = 0;
  for (const [index, object] of objects.entries()) {
    if (!isMeant(object, content, target)) continue;
    met += 1;
    objects[index] = mergeInto(object, content);
  }
  if (met === 0) throw new Error(`${path} patches nothing`);
}

function isMeant(object: Manifest, content: Manifest, target: Target | undefined): boolean {
  if (target) return object.kind === target.kind && object.apiVersion.startsWith(`${target.group}/`);
  return object.kind === content.kind && object.metadata.name === content.metadata.name;
}

function mergeInto(object: Manifest, content: Manifest): Manifest {
  const { name } = object.metadata;
  return merge(object, { ...content, metadata: { ...content.metadata, name } }) as Manifest;
}

function merge(into: unknown, from: unknown): unknown {
  if (!isMap(into) || !isMap(from)) return from;
  const entries = Object.entries(from).map(([key, value]) => [key, merge(into[key], value)]);
  return { ...into, ...Object.fromEntries(entries) };
}

/** In place. */
function label(objects: Manifest[], pairs: Readonly<Record<string, string>>): void {
  for (const [index, object] of objects.entries())
    objects[index] = mergeInto(object, { ...object, metadata: { ...object.metadata, labels: pairs } });
}

function setImage(objects: readonly Manifest[], name: string, image: string): void {
  for (const object of objects) {
    const spec = object['spec'] as { template?: { spec?: { containers?: { image: string }[] } } } | undefined;
    for (const container of spec?.template?.spec?.containers ?? [])
      if (container.image === name) container.image = image;
  }
}

/** In place. */
function replace(objects: readonly Manifest[], { source, targets }: Replacement): void {
  const value = valueAt(findManifest(objects, source.kind, source.name), source.fieldPath.split('.'));
  for (const { select, fieldPaths, options } of targets) {
    const object = findManifest(objects, select.kind, select.name);
    for (const path of fieldPaths) {
      const keys = path.split('.');
      const field = keys.pop() ?? '';
      const holder = valueAt(object, keys) as Record<string, unknown>;
      const parts = String(holder[field]).split(options.delimiter);
      holder[field] = parts.with(options.index, String(value)).join(options.delimiter);
    }
  }
}

/** `[key=value]` is the member of a list that has this value there. */
function valueAt(object: unknown, keys: readonly string[]): unknown {
  return keys.reduce<unknown>((inner, key) => {
    const [, name, value] = /^\[(.+)=(.*)\]$/.exec(key) ?? [];
    const found =
      name === undefined
        ? (inner as Record<string, unknown>)[key]
        : (inner as Record<string, unknown>[]).find((each) => each[name] === value);
    if (found === undefined) throw new Error(`expected something at ${keys.join('.')}, found no ${key}`);
    return found;
  }, object);
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
