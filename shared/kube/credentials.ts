import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { isDeepStrictEqual } from 'node:util';
import { type KubeConfig, RequestContext } from '@kubernetes/client-node';
import { UncertainError } from '../api/uncertain-error.ts';

/** Who we are to the API server, and which server we trust. */
export interface Credentials {
  /** Puts both on a request. */
  apply(request: RequestContext): Promise<void>;
  /** The next request opens a connection of its own. */
  forgetConnections(): void;
}

type Dispatcher = NonNullable<ReturnType<RequestContext['getDispatcher']>>;

/** The connections that were opened under one set of certificates. */
interface Connections {
  readonly certificates: readonly unknown[];
  readonly dispatcher: Promise<Dispatcher | undefined>;
}

/**
 * The credentials of the kubeconfig's current context, looked up for each request: tokens and certificates rotate.
 * `applySecurityAuthentication` makes a new dispatcher, and so a new TLS connection, for each request it is given.
 * So it is asked only for that, and again only when the certificates have changed.
 */
export function createCredentials(kubeConfig: KubeConfig): Credentials {
  let connections: Connections | undefined;

  async function apply(request: RequestContext): Promise<void> {
    const options: RequestOptions = {};
    await kubeConfig.applyToHTTPSOptions(options);
    const headers = [
      ...Object.entries(toBasicAuthorization(options)),
      ...Object.entries(options.headers ?? {}),
      ...Object.entries(await readToken(kubeConfig)),
    ];
    for (const [name, value] of headers) request.setHeaderParam(name, toHeaderValue(name, value));

    const { ca, cert, key } = options;
    const certificates = [ca, cert, key];
    if (!connections || !isDeepStrictEqual(connections.certificates, certificates)) {
      connections = { certificates, dispatcher: createDispatcher(kubeConfig, request) };
    }
    const dispatcher = await connections.dispatcher;
    if (dispatcher) request.setDispatcher(dispatcher);
  }

  function forgetConnections(): void {
    connections = undefined;
  }

  return {
    apply: async (request) => {
      try {
        await apply(request);
      } catch (error) {
        forgetConnections();
        if (error instanceof UncertainError) throw error;
        throw new UncertainError(`the credentials of the kubeconfig cannot be used: ${String(error)}`, {
          cause: error,
        });
      }
    },
    forgetConnections,
  };
}

async function createDispatcher(
  kubeConfig: KubeConfig,
  like: RequestContext,
): Promise<Dispatcher | undefined> {
  const request = new RequestContext(like.getUrl(), like.getHttpMethod());
  await kubeConfig.applySecurityAuthentication(request);
  return request.getDispatcher();
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

/** fetch would refuse such a value too, but repeat it, token and all, in its message. */
function toHeaderValue(name: string, value: unknown): string {
  const text = String(value).trim();
  if (/^[\x20-\x7e]+$/.test(text)) return text;
  throw new UncertainError(
    `the ${name} header from the kubeconfig has a line break or another character that no header may have`,
  );
}
