import { parse } from 'yaml';
import { readDefinitions } from '../../local/crds/definitions.ts';
import type { KubeClient, Manifest } from '../support/kube-client.ts';
import { installDefinition, placeLabel } from '../support/test-cluster.ts';

/** Installs the kinds that kleym reads and does not bring along, where the cluster does not serve them. */
export async function installDefinitionsOfOthers(kube: KubeClient): Promise<void> {
  for (const text of await readDefinitions()) {
    const definition = parse(text) as Manifest;
    if (!definition.metadata.name.endsWith('kleym.sonda.red') && !(await kube.get(definition)))
      await installDefinition(kube, mark(definition));
  }
}

/** What these tests install, they remove. */
function mark(definition: Manifest): Manifest {
  const labels = { ...definition.metadata.labels, [placeLabel]: 'definition' };
  return { ...definition, metadata: { ...definition.metadata, labels } };
}
