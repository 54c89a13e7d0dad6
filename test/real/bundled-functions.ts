import { join } from 'node:path';
import { readManifests } from '../support/kustomization.ts';
import { provideDist } from '../support/provide-dist.ts';
import { eventually } from '../support/test-cluster.ts';
import type { KeptProcess, KeptProcesses } from './kept-processes.ts';

/** The built functions, each a process of its own, as their containers run them. */
export interface BundledFunctions {
  /** Where they take events, by name. */
  readonly urls: Readonly<Record<string, string>>;
  readonly processes: ReadonlyMap<string, KeptProcess>;
}

/** Starts the bundles of the functions of the base, each with the kubeconfig of its own account, where it has one. */
export async function startBundledFunctions(
  kept: KeptProcesses,
  kubeconfigOf: (name: string) => Promise<string | undefined>,
  more: Readonly<Record<string, string>> = {},
): Promise<BundledFunctions> {
  const dist = join(kept.folder, 'dist');
  await provideDist(dist);
  const names = readManifests('base')
    .filter(({ apiVersion, kind }) => apiVersion.startsWith('serving.') && kind === 'Service')
    .map(({ metadata }) => metadata.name);
  const processes = new Map<string, KeptProcess>();
  for (const name of names) {
    const kubeconfig = await kubeconfigOf(name);
    const settings = { HOST: '127.0.0.1', PORT: '0', KLEYM_TRUST_DOMAIN: 'example.org' };
    const env = { ...settings, KUBECONFIG: kubeconfig ?? '', ...more };
    processes.set(name, kept.start(name, process.execPath, [join(dist, name, 'main.mjs')], env));
  }
  const urls: Record<string, string> = {};
  for (const name of names) urls[name] = await eventually(async () => toUrl(name, await kept.read(name)));
  return { urls, processes };
}

function toUrl(name: string, log: string): string {
  const line = log.split('\n').find((text) => text.includes('"msg":"listening"'));
  if (line === undefined) throw new Error(`${name} does not listen:\n${log}`);
  return `http://127.0.0.1:${(JSON.parse(line) as { readonly port: number }).port}`;
}
