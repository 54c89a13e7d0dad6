import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { KubeConfig, type User } from '@kubernetes/client-node';
import { load as loadYaml } from 'js-yaml';
import { z } from 'zod';

/**
 * Who we are and which cluster is ours: from the file that is given or that KUBECONFIG names, in a pod from its service account,
 * else from `~/.kube/config`. What is wrong is said in one error.
 */
export function loadKubeConfig(options: { file?: string; context?: string }): KubeConfig {
  const { origin, config } = load(options.file);
  if (options.context !== undefined) config.setCurrentContext(options.context);
  const context = config.getContextObject(config.getCurrentContext());
  if (!context) {
    const known = config.getContexts().map(({ name }) => name);
    throw new Error(
      `${origin} has no context ${JSON.stringify(config.getCurrentContext() ?? '')}; it has ${known.join(', ') || 'none'}`,
    );
  }
  const cluster = config.getCluster(context.cluster);
  if (!cluster)
    throw new Error(
      `${origin}: context ${context.name} names cluster ${context.cluster}, which is not there`,
    );
  if (!config.getUser(context.user)) {
    throw new Error(
      `${origin}: context ${context.name} names user ${context.user || '""'}, which is not there`,
    );
  }
  if (!/^https?:\/\//.test(cluster.server)) {
    throw new Error(
      `${origin}: the server of cluster ${cluster.name} is ${cluster.server}, expected an https:// URL`,
    );
  }
  if (cluster.server.startsWith('http:') && !cluster.skipTLSVerify) {
    throw new Error(
      `${origin}: the server of cluster ${cluster.name} is ${cluster.server}; without TLS it must say insecure-skip-tls-verify: true`,
    );
  }
  return config;
}

function load(file: string | undefined): { origin: string; config: KubeConfig } {
  const files = file === undefined ? listFiles(process.env['KUBECONFIG'] ?? '') : [file];
  if (files.length > 0) return { origin: files.join(', '), config: loadFiles(files) };
  if (process.env['KUBERNETES_SERVICE_HOST']) {
    const config = new KubeConfig();
    config.loadFromCluster();
    return { origin: "the pod's service account", config };
  }
  const home = join(homedir(), '.kube', 'config');
  if (!existsSync(home)) {
    throw new Error(
      `found no kubeconfig: this is no pod, and ${home} does not exist; set KUBECONFIG to the path of a kubeconfig`,
    );
  }
  return { origin: home, config: loadFiles([home]) };
}

/** As for kubectl, of several files some may not be there; but not all. */
function listFiles(variable: string): string[] {
  const files = variable.split(delimiter).filter(Boolean);
  const present = files.filter((file) => existsSync(file));
  return present.length > 0 ? present : files;
}

function loadFiles(files: readonly string[]): KubeConfig {
  const [config, ...others] = files.map(loadFile);
  if (!config) throw new Error('no kubeconfig was named');
  for (const other of others) config.mergeConfig(withoutKnown(other, config), true);
  return config;
}

/** As for kubectl, what the first file says of a name counts; the library throws where another says something, too. */
function withoutKnown(other: KubeConfig, known: KubeConfig): KubeConfig {
  other.clusters = withoutNames(other.clusters, known.clusters);
  other.users = withoutNames(other.users, known.users);
  other.contexts = withoutNames(other.contexts, known.contexts);
  return other;
}

function withoutNames<T extends { readonly name: string }>(entries: readonly T[], known: readonly T[]): T[] {
  const names = new Set(known.map(({ name }) => name));
  return entries.filter(({ name }) => !names.has(name));
}

function loadFile(file: string): KubeConfig {
  const config = new KubeConfig();
  const fault = findFault(() => {
    config.loadFromFile(file);
    config.users = withTokenFiles(config.users, file);
  });
  if (fault !== undefined) throw new Error(`the kubeconfig ${file} cannot be read: ${fault}`);
  return config;
}

const Users = z.object({
  users: z
    .array(
      z.object({ name: z.string(), user: z.looseObject({ tokenFile: z.string().optional() }).nullish() }),
    )
    .nullish(),
});

/**
 * The library does not know `tokenFile`, by which kubectl names a token that rotates. Written as the library writes down
 * the token of a pod, it is read anew for each request; as for kubectl, it goes before a token beside it.
 */
function withTokenFiles(users: readonly User[], file: string): User[] {
  const written = Users.safeParse(loadYaml(readFileSync(file, 'utf8')));
  const entries = (written.success && written.data.users) || [];
  return users.map(({ token, ...user }) => {
    const tokenFile = entries.find(({ name }) => name === user.name)?.user?.tokenFile;
    if (!tokenFile) return { ...user, ...(token !== undefined && { token }) };
    return {
      ...user,
      authProvider: { name: 'tokenFile', config: { tokenFile: resolve(dirname(file), tokenFile) } },
    };
  });
}

/** Not the error itself: that of the YAML parser quotes the lines around the fault, and a token may be in them. */
function findFault(load: () => void): string | undefined {
  try {
    load();
    return undefined;
  } catch (error) {
    if (error instanceof Error && 'reason' in error) return `not YAML, ${String(error.reason)}`;
    return error instanceof Error ? error.message : String(error);
  }
}
