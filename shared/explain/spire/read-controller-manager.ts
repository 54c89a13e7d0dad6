import { load } from 'js-yaml';
import { z } from 'zod';
import { StringMap } from '../../api/strings.ts';
import type { Lookups } from '../../kube/lookups.ts';
import { configMapResource } from '../../kube/core-resources.ts';
import { type Lacks, createLacks } from '../kube/permissions.ts';
import { ControllerManagerConfig } from './controller-manager.ts';

const ConfigMap = z.object({
  metadata: z.object({ name: z.string(), namespace: z.string() }),
  data: StringMap.optional(),
});

/** Where SPIRE is usually installed: by its Helm charts, and by hand. */
const usualSpireNamespaces = ['spire-server', 'spire-system', 'spire', 'spire-mgmt'] as const;

/** The configuration of SPIRE Controller Manager; undefined: there is none in these namespaces, or it may not be read. */
export async function readControllerManager(
  lookups: Lookups,
  lacks: Lacks,
  namespaces: readonly string[] = usualSpireNamespaces,
): Promise<ControllerManagerConfig | undefined> {
  // Which of them is the one is not known: one missing permission is named for all.
  let noted = lacks;
  for (const namespace of namespaces) {
    const found = await noted.attempt(() => lookups.list(configMapResource, { namespace }, ConfigMap));
    if (found === undefined) noted = createLacks();
    if (found === undefined || found === 'unserved') continue;
    const [config] = found.flatMap(({ data = {} }) => Object.values(data).flatMap(parseConfig));
    if (config) return config;
  }
  return undefined;
}

function parseConfig(text: string): ControllerManagerConfig[] {
  if (!text.includes('ControllerManagerConfig')) return [];
  try {
    const parsed = ControllerManagerConfig.safeParse(load(text));
    return parsed.success ? [parsed.data] : [];
  } catch {
    return [];
  }
}
