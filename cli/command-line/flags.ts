import type { ParseArgsOptionDescriptor } from 'node:util';

/** A flag: how it is given, and what it is for. */
export interface Flag extends ParseArgsOptionDescriptor {
  /** What its value is called in the help text. */
  readonly value?: string;
  /** The values that it can have, where these are few. */
  readonly values?: readonly string[];
  readonly about: string;
}

/** Every flag of every command; a name means the same thing wherever it is known. */
export const flags = {
  kubeconfig: { type: 'string', value: 'FILE', about: 'the kubeconfig, in place of those of KUBECONFIG' },
  context: { type: 'string', value: 'NAME', about: 'a context of the kubeconfig' },
  cluster: { type: 'string', value: 'NAME', about: 'a cluster of the kubeconfig' },
  user: { type: 'string', value: 'NAME', about: 'a user of the kubeconfig' },
  as: { type: 'string', value: 'USER', about: 'the user to impersonate' },
  'as-group': { type: 'string', multiple: true, value: 'GROUP', about: 'a group to impersonate; repeatable' },
  'as-uid': { type: 'string', value: 'UID', about: 'the uid to impersonate' },
  'request-timeout': {
    type: 'string',
    value: 'TIME',
    about: 'how long one request may take, such as 10s or 1m (default 30s)',
  },
  timeout: { type: 'string', value: 'TIME', about: 'the same as --request-timeout' },
  v: { type: 'string', short: 'v', value: 'LEVEL', about: '6 and above: show each request on stderr' },
  help: { type: 'boolean', short: 'h', about: 'this text' },
  version: { type: 'boolean', about: 'the version of this command' },
  namespace: {
    type: 'string',
    short: 'n',
    value: 'NAME',
    about: 'the namespace (default: that of the context)',
  },
  'all-namespaces': { type: 'boolean', short: 'A', about: 'all namespaces' },
  selector: { type: 'string', short: 'l', value: 'LABELS', about: 'only objects with these labels' },
  output: { type: 'string', short: 'o', value: 'FORMAT', about: 'how to print it' },
  strict: { type: 'boolean', about: 'end with 2 where there are warnings, too' },
  filename: {
    type: 'string',
    short: 'f',
    multiple: true,
    value: 'PATH',
    about: 'a file, a folder, or - for stdin; repeatable',
  },
  recursive: { type: 'boolean', short: 'R', about: 'folders within folders, too' },
  'against-cluster': { type: 'boolean', about: 'look in the cluster for what the files lack' },
  container: { type: 'string', short: 'c', value: 'NAME', about: 'only this container' },
  trial: {
    type: 'boolean',
    about: 'send a binding through, in a namespace of its own that is deleted afterwards',
  },
  overlay: {
    type: 'string',
    value: 'PATH',
    about: 'offline: look at an overlay before it is applied; a folder, a file, or - for stdin',
  },
  'trust-domain': {
    type: 'string',
    value: 'NAME',
    about: 'the trust domain (default: that of the bindings in the cluster)',
  },
  'class-name': {
    type: 'string',
    value: 'NAME',
    about: 'the class of the ClusterSPIFFEIDs (default: that of the bindings in the cluster)',
  },
  'clusterspiffeid-class-name': { type: 'string', value: 'NAME', about: 'the same as --class-name' },
  'spire-namespace': {
    type: 'string',
    value: 'NAME',
    about: "the namespace with SPIRE Controller Manager's configuration (default: the usual ones)",
  },
  'namespace-selector': {
    type: 'string',
    value: 'BOOL',
    values: ['true', 'false'],
    about: 'KLEYM_NAMESPACE_SELECTOR of the installation (default true)',
  },
  'overlap-policy': {
    type: 'string',
    value: 'POLICY',
    values: ['report', 'refuse'],
    about: 'KLEYM_OVERLAP_POLICY of the installation (default report)',
  },
} as const satisfies Record<string, Flag>;

export type FlagName = keyof typeof flags;

type ValueOf<F extends Flag> = F['type'] extends 'boolean'
  ? boolean
  : F extends { readonly multiple: true }
    ? readonly string[]
    : string;

/** The flags that were given. */
export type FlagValues = { readonly [Name in FlagName]?: ValueOf<(typeof flags)[Name]> };

/** The flags that every command knows. */
export const commonFlags = ['help', 'version', 'v'] as const satisfies readonly FlagName[];

/** The flags of what asks a cluster. */
export const connectionFlags = [
  'kubeconfig',
  'context',
  'cluster',
  'user',
  'as',
  'as-group',
  'as-uid',
  'request-timeout',
  'timeout',
] as const satisfies readonly FlagName[];

/** The flags that say how the installation is set up, where the cluster does not. */
export const settingsFlags = [
  'trust-domain',
  'class-name',
  'clusterspiffeid-class-name',
  'namespace-selector',
  'overlap-policy',
] as const satisfies readonly FlagName[];
