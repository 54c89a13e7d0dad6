/**
 * The least that a function on Knative can be: `node:http`, one event in, one patch of the object that it is about out.
 * With REPLY_TYPE it answers with an event instead. Its text is what a container runs (`node -e`), so it knows nothing
 * but itself; in the image of kleym there is Node, and no more is needed.
 */
export async function serveTrivially(): Promise<void> {
  const [{ createServer }, { request: send }, { readFileSync }] = await Promise.all([
    import('node:http'),
    import('node:https'),
    import('node:fs'),
  ]);
  const { PORT = '8080', REPLY_TYPE, KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT } = process.env;
  const account = '/var/run/secrets/kubernetes.io/serviceaccount';

  function patch(namespace: string, name: string, then: (status: number) => void): void {
    const path = `/api/v1/namespaces/${namespace}/configmaps/${name}`;
    const call = send({
      host: KUBERNETES_SERVICE_HOST,
      port: KUBERNETES_SERVICE_PORT,
      path,
      method: 'PATCH',
      ca: readFileSync(`${account}/ca.crt`),
      headers: {
        authorization: `Bearer ${readFileSync(`${account}/token`, 'utf8')}`,
        'content-type': 'application/merge-patch+json',
      },
    });
    call.on('response', (answer) => {
      answer.resume();
      then(answer.statusCode === 200 ? 204 : 503);
    });
    call.on('error', () => then(503));
    call.end(JSON.stringify({ data: { seen: 'true' } }));
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.method !== 'POST') return response.writeHead(200).end('ok');
      const object = JSON.parse(Buffer.concat(chunks).toString()) as {
        readonly metadata: { readonly namespace: string; readonly name: string };
      };
      const { namespace, name } = object.metadata;
      if (REPLY_TYPE === undefined || REPLY_TYPE === '')
        return patch(namespace, name, (status) => response.writeHead(status).end());
      const attributes = { 'ce-specversion': '1.0', 'ce-source': '/trivial', 'ce-type': REPLY_TYPE };
      const id = String(request.headers['ce-id']);
      response.writeHead(200, { 'content-type': 'application/json', 'ce-id': id, ...attributes });
      response.end(JSON.stringify({ metadata: { namespace, name } }));
    });
  });
  process.on('SIGTERM', () => process.exit(0));
  server.listen(Number(PORT));
}
