import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { UncertainError } from '../api/uncertain-error.ts';

/** Who we are to the API server, which server we trust, and the way to it if that is not the direct one. */
export interface Credentials extends Pick<
  RequestOptions,
  'agent' | 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'
> {
  readonly headers: Readonly<Record<string, string>>;
}

/** The credentials of the kubeconfig's current context, for one request: tokens and certificates rotate. */
export async function readCredentials(kubeConfig: KubeConfig): Promise<Credentials> {
  try {
    return await read(kubeConfig);
  } catch (error) {
    if (error instanceof UncertainError) throw error;
    throw new UncertainError(`the credentials of the kubeconfig cannot be used: ${String(error)}`, {
      cause: error,
    });
  }
}

async function read(kubeConfig: KubeConfig): Promise<Credentials> {
  const options: RequestOptions = {};
  await kubeConfig.applyToHTTPSOptions(options);
  const { agent, ca, cert, key, servername, rejectUnauthorized } = options;
  const headers = [
    ...Object.entries(toBasicAuthorization(options)),
    ...Object.entries(options.headers ?? {}),
    ...Object.entries(await readToken(kubeConfig)),
  ];
  return {
    headers: Object.fromEntries(headers.map(([name, value]) => [name, toHeaderValue(name, value)])),
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(servername !== undefined && { servername }),
    ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
    // The library's own agents keep no connection. Only its way through a proxy is wanted.
    ...(kubeConfig.getCurrentCluster()?.proxyUrl !== undefined && {
      agent: renewCertificates(agent, { ca, cert, key }),
    }),
  };
}

/** The library makes one agent, with the certificates of that time, and an agent's go before those of a request. */
function renewCertificates(
  agent: RequestOptions['agent'],
  certificates: Pick<RequestOptions, 'ca' | 'cert' | 'key'>,
): RequestOptions['agent'] {
  if (typeof agent === 'object' && 'options' in agent) Object.assign(Object(agent.options), certificates);
  return agent;
}

function toBasicAuthorization({ auth }: RequestOptions): Record<string, string> {
  return auth ? { Authorization: `Basic ${Buffer.from(auth).toString('base64')}` } : {};
}

/** The library reads a token file once a minute; the file is as near as its memory, and never too old. */
async function readToken(kubeConfig: KubeConfig): Promise<Record<string, string>> {
  const user = kubeConfig.getCurrentUser();
  const file: unknown = user?.authProvider?.config?.tokenFile;
  if (user?.token || typeof file !== 'string') return {};
  return { Authorization: `Bearer ${await readFile(file, 'utf8')}` };
}

/** Node would refuse such a value too, but repeat it, token and all, in its message. */
function toHeaderValue(name: string, value: unknown): string {
  const text = String(value).trim();
  if (/^[\x20-\x7e]+$/.test(text)) return text;
  throw new UncertainError(
    `the ${name} header from the kubeconfig has a line break or another character that no header may have`,
  );
}
