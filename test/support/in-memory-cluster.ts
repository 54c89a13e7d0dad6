import { type HttpLibrary, KubeConfig, ResponseContext, wrapHttpLibrary } from '@kubernetes/client-node';
import { type PlainRequest, createApiWithoutPort } from '@kleym/kube-api/without-port';
import { type KubeClient, createKubeClient } from './kube-client.ts';

const server = 'http://cluster.test';

/** The embedded cluster without a port. A request is a function call, so that thousands of them take a moment. */
export interface InMemoryCluster {
  readonly kube: KubeClient;
  /** What `connect` needs. */
  readonly connection: { readonly kubeConfig: KubeConfig; readonly http: HttpLibrary };
}

/** Makes a cluster in memory with these definitions installed. */
export function createInMemoryCluster(definitions: readonly string[]): InMemoryCluster {
  const answer = createApiWithoutPort(definitions);
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromClusterAndUser({ name: 'test', server, skipTLSVerify: true }, { name: 'test' });
  const http = wrapHttpLibrary({
    send: async (context) => {
      const { status, text, headers } = ask({
        method: context.getHttpMethod(),
        url: new URL(context.getUrl()),
        contentType: context.getHeaders()['Content-Type'] ?? '',
        body: (context.getBody() as string | undefined) ?? '',
      });
      return new ResponseContext(status, headers, {
        text: async () => text,
        binary: async () => Buffer.from(text),
        stream: () => null,
      });
    },
  });

  function ask(request: PlainRequest) {
    const { status, contentType, text } = answer(request);
    return { status, text, headers: { date: new Date().toUTCString(), 'content-type': contentType } };
  }

  async function fetchFrom(url: string, init: RequestInit): Promise<Response> {
    const { status, text, headers } = ask({
      method: init.method ?? 'GET',
      url: new URL(url),
      contentType: new Headers(init.headers).get('content-type') ?? '',
      body: typeof init.body === 'string' ? init.body : '',
    });
    return new Response(text, { status, headers });
  }

  return {
    kube: createKubeClient(server, fetchFrom),
    connection: { kubeConfig, http },
  };
}
