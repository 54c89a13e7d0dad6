import { parseArgs } from 'node:util';
import { toSuggestion } from '../../shared/text/suggest.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { type RenderingConfig, parseRenderingConfig } from '../../shared/runtime/config.ts';
import type { Settings } from '../../shared/identity/settings.ts';

/** What `npm start` was asked for. */
export interface Options {
  readonly cluster: EmbeddedChoice | RealChoice;
  readonly settings: Settings;
  readonly logLevel: RenderingConfig['logLevel'];
  /** Undefined: as the PingSource in knative/ says. */
  readonly sweepSeconds: number | undefined;
  /** The API server's port; functions and broker follow it. 0: any free ports. */
  readonly port: number;
}

interface RealChoice {
  readonly kind: 'real';
  readonly file: string;
  readonly context: string | undefined;
  /** Whether to say what it would write, and end. */
  readonly planOnly: boolean;
}

interface EmbeddedChoice {
  readonly kind: 'embedded';
  readonly dataFolder: string | undefined;
  /** Whether a new cluster gets the manifests of examples/. */
  readonly examples: boolean;
  /** A file or folder with manifests that are applied at each start. */
  readonly apply: string | undefined;
}

/** The options, a text to print instead of starting, or what is wrong with them, in one line. */
export type Parsed =
  | { readonly kind: 'start'; readonly options: Options }
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'invalid'; readonly message: string };

/** The port of the cluster in this process. */
export const defaultPort = 8090;

const help = `npm start -- [options]

Runs the functions, the sources and the broker in this process.

Without --kubeconfig they work on a Kubernetes API in this process. A new one gets the manifests of examples/:
  --data FOLDER        keep the cluster in this folder across restarts
  --no-examples        leave a new cluster empty
  --apply PATH         apply the manifests of this file or folder, at each start

With --kubeconfig they work on a real cluster, and write to it:
  --kubeconfig FILE    the credentials of the cluster
  --context NAME       use this context (default: the current one)
  --plan               say what would be written, and end

For both:
  --port N             the first of three ports (default ${defaultPort}): API server, console and functions, broker. 0: any free
                       ports
  --trust-domain NAME  the trust domain of the SPIFFE IDs (or KLEYM_TRUST_DOMAIN). Required on a real cluster
  --class-name NAME    the class of the ClusterSPIFFEIDs (or KLEYM_CLUSTERSPIFFEID_CLASS_NAME). "": no class
  --sweep SECONDS      the time between two looks at everything (default: 300)
  --help, -h           print this text
  --version            print the version

KLEYM_NAMESPACE_SELECTOR, KLEYM_OVERLAP_POLICY and LOG_LEVEL work as in the functions.
`;

const known = {
  kubeconfig: { type: 'string' },
  context: { type: 'string' },
  plan: { type: 'boolean' },
  'trust-domain': { type: 'string' },
  'class-name': { type: 'string' },
  sweep: { type: 'string' },
  port: { type: 'string' },
  data: { type: 'string' },
  apply: { type: 'string' },
  'no-examples': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const;

/** Reads the command line; a flag wins over its environment variable, even where it is empty. */
export function parseOptions(args: readonly string[], environment: NodeJS.ProcessEnv): Parsed {
  try {
    const { values } = parseArgs({ args: [...args], options: known, strict: true });
    if (values.help) return { kind: 'help', text: help };
    if (values.version) return { kind: 'help', text: `kleym ${packageJson.version}\n` };
    return toOptions(values, environment);
  } catch (error) {
    return invalid(toWords(error));
  }
}

function toWords(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [, flag] = /^Unknown option '--([^']*)'/.exec(error.message) ?? [];
  if (flag === undefined) return error.message;
  return `Unknown option '--${flag}'${toSuggestion(flag, Object.keys(known), '--') || '; --help lists all'}`;
}

type Values = ReturnType<typeof parseArgs<{ readonly options: typeof known }>>['values'];

function toOptions(values: Values, environment: NodeJS.ProcessEnv): Parsed {
  const empty = (['kubeconfig', 'context', 'data', 'apply'] as const).find((name) => values[name] === '');
  if (empty !== undefined) return invalid(`--${empty} is "": expected a ${nouns[empty]}`);
  const port = toWholeNumber(values.port, defaultPort, 65_533);
  if (port === undefined)
    return invalid(`--port is "${values.port}": expected a whole number from 0 to 65533`);
  const sweepSeconds = toWholeNumber(values.sweep, 0, 86_400);
  if (sweepSeconds === undefined || values.sweep === '0') {
    return invalid(`--sweep is "${values.sweep}": expected whole seconds, from 1 to 86400`);
  }
  if (values.context !== undefined && values.kubeconfig === undefined)
    return invalid('--context chooses from a kubeconfig: name it with --kubeconfig');
  if (values.plan && values.kubeconfig === undefined)
    return invalid('--plan is for a real cluster: name it with --kubeconfig');
  if (values.data !== undefined && values.kubeconfig !== undefined)
    return invalid('--data keeps the cluster in this process: leave out --data or --kubeconfig');
  if (values.apply !== undefined && values.kubeconfig !== undefined)
    return invalid('--apply is for the cluster in this process: on a real one use kubectl apply');

  const config = toConfig(values, environment);
  if (typeof config === 'string') return invalid(config);
  const { settings, logLevel } = config;
  const cluster =
    values.kubeconfig === undefined
      ? ({
          kind: 'embedded',
          dataFolder: values.data,
          examples: values['no-examples'] !== true,
          apply: values.apply,
        } as const)
      : ({
          kind: 'real',
          file: values.kubeconfig,
          context: values.context,
          planOnly: values.plan === true,
        } as const);
  return {
    kind: 'start',
    options: { cluster, settings, logLevel, port, sweepSeconds: sweepSeconds || undefined },
  };
}

const nouns = {
  kubeconfig: 'file',
  context: 'name of a context',
  data: 'folder',
  apply: 'file or folder',
} as const;

/** The functions' own configuration, with the flags in the place of their variables. */
function toConfig(values: Values, environment: NodeJS.ProcessEnv): RenderingConfig | string {
  const flags = {
    KLEYM_TRUST_DOMAIN: values['trust-domain'],
    KLEYM_CLUSTERSPIFFEID_CLASS_NAME: values['class-name'],
  };
  const {
    KLEYM_TRUST_DOMAIN,
    KLEYM_CLUSTERSPIFFEID_CLASS_NAME,
    KLEYM_NAMESPACE_SELECTOR,
    KLEYM_OVERLAP_POLICY,
    LOG_LEVEL,
  } = environment;
  const trustDomain =
    flags.KLEYM_TRUST_DOMAIN ??
    KLEYM_TRUST_DOMAIN ??
    (values.kubeconfig === undefined ? 'kleym.sonda.red' : '');
  if (trustDomain === '') {
    return '--trust-domain is not set: expected the trust domain of your SPIRE server, such as example.org';
  }
  const config = parseRenderingConfig({
    KLEYM_NAMESPACE_SELECTOR,
    KLEYM_OVERLAP_POLICY,
    LOG_LEVEL,
    KLEYM_TRUST_DOMAIN: trustDomain,
    KLEYM_CLUSTERSPIFFEID_CLASS_NAME:
      flags.KLEYM_CLUSTERSPIFFEID_CLASS_NAME ?? KLEYM_CLUSTERSPIFFEID_CLASS_NAME,
  });
  return config.kind === 'invalid' ? nameFlags(config.message, values) : config.value;
}

/** What came from a flag is named by the flag. */
function nameFlags(message: string, values: Values): string {
  const named =
    values['trust-domain'] === undefined ? message : message.replace('KLEYM_TRUST_DOMAIN', '--trust-domain');
  return values['class-name'] === undefined
    ? named
    : named.replace('KLEYM_CLUSTERSPIFFEID_CLASS_NAME', '--class-name');
}

function toWholeNumber(text: string | undefined, otherwise: number, max: number): number | undefined {
  if (text === undefined) return otherwise;
  const number = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  return number <= max ? number : undefined;
}

function invalid(message: string): Parsed {
  return { kind: 'invalid', message };
}
