import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import type { Draft } from './kube-client.ts';

/** What stands in a kustomization.yaml, as far as ours use it. */
export interface Kustomization {
  readonly kind: 'Kustomization' | 'Component';
  readonly resources?: readonly string[];
  readonly components?: readonly string[];
  readonly images?: readonly { readonly name: string; readonly newName: string; readonly newTag: string }[];
  readonly patches?: readonly { readonly path: string; readonly target?: Target }[];
  readonly replacements?: readonly {
    readonly source: { readonly kind: string; readonly name: string; readonly fieldPath: string };
    readonly targets: readonly { readonly fieldPaths: readonly string[] }[];
  }[];
}

interface Target {
  readonly group: string;
  readonly kind: string;
}

interface Addition {
  readonly op: 'add';
  readonly path: string;
  readonly value: unknown;
}

/** The folder of the manifests. */
export const manifestsFolder = join(import.meta.dirname, '..', '..', 'knative');

/** The objects that a kustomize folder stands for: resources, then components, then its own patches. Values are not replaced. */
export function readManifests(...folders: readonly string[]): Draft[] {
  return folders.reduce<Draft[]>((objects, folder) => build(join(manifestsFolder, folder), objects), []);
}

/** The kustomization of a folder. */
export function readKustomization(folder: string): Kustomization {
  return parse(readFileSync(join(folder, 'kustomization.yaml'), 'utf8')) as Kustomization;
}

/** The only object of this kind and name. */
export function findManifest(objects: readonly Draft[], kind: string, name: string): Draft {
  const [found, ...others] = objects.filter((one) => one.kind === kind && one.metadata.name === name);
  if (!found || others.length > 0)
    throw new Error(`expected one ${kind} ${name}, found ${found ? 1 + others.length : 0}`);
  return found;
}

/** The rules of a role, with nothing in them but groups, resources and verbs. */
export const Rules = z.array(
  z.strictObject({
    apiGroups: z.array(z.string()),
    resources: z.array(z.string()),
    verbs: z.array(z.string()),
  }),
);

/** What an account may do: verbs by `resource.group`. */
export function permissionsOf(objects: readonly Draft[], account: string): Record<string, string[]> {
  const roles = objects
    .filter(({ kind }) => kind === 'ClusterRoleBinding' || kind === 'RoleBinding')
    .filter((one) => (one['subjects'] as { name: string }[]).some(({ name }) => name === account))
    .map((one) => findManifest(objects, 'ClusterRole', (one['roleRef'] as { name: string }).name));
  const granted: Record<string, string[]> = {};
  for (const rule of roles.flatMap((role) => Rules.parse(role['rules']))) {
    for (const resource of rule.resources)
      for (const group of rule.apiGroups) (granted[`${resource}.${group}`] ??= []).push(...rule.verbs);
  }
  return granted;
}

function build(folder: string, before: readonly Draft[]): Draft[] {
  const { resources = [], components = [], patches = [], images = [] } = readKustomization(folder);
  const own = resources.flatMap((path) => readResource(join(folder, path)));
  const all = components.reduce<Draft[]>(
    (objects, path) => build(join(folder, path), objects),
    [...before, ...own],
  );
  for (const { path, target } of patches)
    patch(all, parse(readFileSync(join(folder, path), 'utf8')), target, path);
  for (const { name, newName, newTag } of images) setImage(all, name, `${newName}:${newTag}`);
  return all;
}

function readResource(path: string): Draft[] {
  if (statSync(path).isDirectory()) return build(path, []);
  return parseAllDocuments(readFileSync(path, 'utf8')).flatMap((document) => {
    if (document.errors[0]) throw new Error(`${path} is not YAML`, { cause: document.errors[0] });
    const object = document.toJS() as Draft | null;
    return object === null ? [] : [object];
  });
}

/** In place. A patch that meets nothing is a mistake. */
function patch(
  objects: Draft[],
  content: Draft | readonly Addition[],
  target: Target | undefined,
  path: string,
): void {
  let met = 0;
  for (const [index, object] of objects.entries()) {
    if (!isMeant(object, content, target)) continue;
    met += 1;
    objects[index] = 'kind' in content ? mergeInto(object, content) : content.reduce(add, object);
  }
  if (met === 0) throw new Error(`${path} patches nothing`);
}

function isMeant(object: Draft, content: Draft | readonly Addition[], target: Target | undefined): boolean {
  if (target) return object.kind === target.kind && object.apiVersion.startsWith(`${target.group}/`);
  return 'kind' in content && object.kind === content.kind && object.metadata.name === content.metadata.name;
}

function mergeInto(object: Draft, content: Draft): Draft {
  const { name } = object.metadata;
  return merge(object, { ...content, metadata: { ...content.metadata, name } }) as Draft;
}

function merge(into: unknown, from: unknown): unknown {
  if (!isMap(into) || !isMap(from)) return from;
  const entries = Object.entries(from).map(([key, value]) => [key, merge(into[key], value)]);
  return { ...into, ...Object.fromEntries(entries) };
}

function add(object: Draft, { path, value }: Addition): Draft {
  const keys = path
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/'));
  return merge(
    object,
    keys.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value),
  ) as Draft;
}

function setImage(objects: readonly Draft[], name: string, image: string): void {
  for (const object of objects) {
    const spec = object['spec'] as { template?: { spec?: { containers?: { image: string }[] } } } | undefined;
    for (const container of spec?.template?.spec?.containers ?? [])
      if (container.image === name) container.image = image;
  }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
