import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '../support/kube-client.ts';
import { downloadGoModule } from './go-module.ts';
import { parseObjects } from '../support/kustomization.ts';
import { eventingModule, servingModule } from './knative-modules.ts';

/** Knative's definitions of the kinds of these objects, as it ships them, but fit for an API server beside which no Knative runs. */
export async function readKnativeDefinitions(
  objects: readonly Pick<Manifest, 'apiVersion' | 'kind'>[],
  env: NodeJS.ProcessEnv,
): Promise<Manifest[]> {
  const eventing = join(await downloadGoModule(eventingModule, env), 'config', 'core', 'resources');
  const serving = join(await downloadGoModule(servingModule, env), 'config', 'core', '300-resources');
  const used = new Set(objects.map(({ apiVersion, kind }) => `${apiVersion.split('/')[0]} ${kind}`));
  const definitions = [...(await readDefinitionsOf(eventing)), ...(await readDefinitionsOf(serving))];
  return definitions
    .filter(({ spec }) => used.has(`${spec.group} ${spec.names.kind}`))
    .map((definition) => ({ ...definition, spec: toStandalone(definition.spec) }));
}

/** As far as it is read here. */
interface Definition extends Manifest {
  readonly spec: { readonly group: string; readonly names: { readonly kind: string } };
}

async function readDefinitionsOf(folder: string): Promise<Definition[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.yaml'));
  const objects = await Promise.all(
    files.map(async (name) => parseObjects(await readFile(join(folder, name), 'utf8'), join(folder, name))),
  );
  return objects.flat() as Definition[];
}

/** The webhook that converts between versions is not there; the stored one needs no conversion. */
function toStandalone(spec: Definition['spec']): object {
  return { ...(closeSchema(spec) as object), conversion: { strategy: 'None' } };
}

/**
 * Some schemas let any field pass although they list theirs, and leave it to Knative's webhook to refuse what its types do
 * not have. Here the schema refuses it. The one field that only the webhook knows is `timeout` of a delivery.
 */
function closeSchema(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(closeSchema);
  if (!isMap(node)) return node;
  const closed = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, closeSchema(value)]));
  const { properties } = closed;
  if (!isMap(properties)) return closed;
  delete closed['x-kubernetes-preserve-unknown-fields'];
  return 'backoffPolicy' in properties
    ? { ...closed, properties: { ...properties, timeout: { type: 'string' } } }
    : closed;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
