import { readFile } from 'node:fs/promises';
import * as http from 'node:http';
import * as https from 'node:https';
import { createInterface } from 'node:readline';
import { KubeConfig } from '@kubernetes/client-node';
import type { Manifest, Stored } from '../support/kube-client.ts';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** A client that adds nothing to what it sends: it makes the floor that the product is compared with. */
export interface BareClient {
  send(method: Method, path: string, content?: object): Promise<unknown>;
  create(object: Manifest): Promise<Stored>;
  /** A merge patch. */
  patch(object: Manifest, patch: object): Promise<Stored>;
  replace(object: Manifest): Promise<Stored>;
  /** Sends nothing but the status and what it belongs to. */
  replaceStatus(object: Stored): Promise<Stored>;
  remove(object: Manifest): Promise<void>;
  /** Calls with each line of a watch that begins now; the answer ends it. */
  watch(path: string, query: string, onLine: (line: string) => void): Promise<() => void>;
  close(): void;
}

interface Listener {
  readonly onLine: (line: string) => void;
  readonly onEnd: () => void;
}

/** By this name the audit log tells us from the product. */
export const bareUserAgent = 'kleym-bench';

/** As many connections as it sends requests at once; they stay open. */
export const atOnce = 16;

/** A client for the current context of a kubeconfig. */
export async function createBareClient(kubeconfigFile: string): Promise<BareClient> {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromString(await readFile(kubeconfigFile, 'utf8'));
  const options: https.RequestOptions = {};
  await kubeConfig.applyToHTTPSOptions(options);
  const server = kubeConfig.getCurrentCluster()?.server ?? '';
  const { request, Agent } = server.startsWith('http:') ? http : https;
  const { ca, cert, key } = options;
  const identity = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce, scheduling: 'lifo', ...identity });
  const watching = new Agent({ keepAlive: true, ...identity });
  const authorization = Object.entries(options.headers ?? {}).map(([name, value]) => [name, String(value)]);
  const headers: Record<string, string> = {
    ...Object.fromEntries(authorization),
    accept: 'application/json',
    'user-agent': bareUserAgent,
  };

  function send(method: Method, path: string, content?: object): Promise<unknown> {
    const body = content === undefined ? undefined : Buffer.from(JSON.stringify(content));
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const more: http.OutgoingHttpHeaders | undefined = body && {
      'content-type': type,
      'content-length': body.length,
    };
    return new Promise((resolve, reject) => {
      const asked = request(
        `${server}${path}`,
        { method, agent, headers: { ...headers, ...more } },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('error', reject);
          answer.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            if ((answer.statusCode ?? 0) < 300) resolve(JSON.parse(text));
            else reject(new Error(`${method} ${path}: ${answer.statusCode} ${text.slice(0, 300)}`));
          });
        },
      );
      asked.on('error', reject);
      asked.end(body);
    });
  }

  async function watch(path: string, query: string, onLine: (line: string) => void): Promise<() => void> {
    const { metadata } = (await send('GET', `${path}?limit=1&${query}`)) as Stored;
    let version = metadata.resourceVersion;
    let end: (() => void) | undefined;
    let isStopped = false;
    const see = (line: string) => {
      version = /"resourceVersion":"(\d+)"/.exec(line)?.[1] ?? version;
      onLine(line);
    };
    // The API server cuts off whoever reads too slowly, without a word.
    const goOn = async (): Promise<void> => {
      if (isStopped) return;
      end = await watchFrom(`${path}?watch=true&timeoutSeconds=7200&resourceVersion=${version}&${query}`, {
        onLine: see,
        onEnd: () => void goOn(),
      });
    };
    await goOn();
    return () => {
      isStopped = true;
      end?.();
    };
  }

  function watchFrom(path: string, { onLine, onEnd }: Listener): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const asked = request(`${server}${path}`, { agent: watching, headers }, (answer) => {
        if (answer.statusCode !== 200) {
          answer.resume();
          return reject(new Error(`watch of ${path}: ${answer.statusCode}`));
        }
        createInterface({ input: answer })
          .on('line', onLine)
          .on('error', () => {})
          .on('close', onEnd);
        answer.on('error', () => {});
        return resolve(() => void asked.destroy());
      });
      asked.on('error', reject);
      asked.end();
    });
  }

  return {
    send,
    watch,
    create: async (object) => (await send('POST', toListPath(object), object)) as Stored,
    patch: async (object, patch) => (await send('PATCH', toPath(object), patch)) as Stored,
    replace: async (object) => (await send('PUT', toPath(object), object)) as Stored,
    replaceStatus: async (object) =>
      (await send('PUT', `${toPath(object)}/status`, toStatusBody(object))) as Stored,
    remove: async (object) => void (await send('DELETE', toPath(object))),
    close: () => {
      agent.destroy();
      watching.destroy();
    },
  };
}

function toListPath({
  apiVersion,
  kind,
  metadata,
}: Pick<Manifest, 'apiVersion' | 'kind' | 'metadata'>): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const place = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${root}${place}/${kind.toLowerCase()}s`;
}

function toPath(object: Manifest): string {
  return `${toListPath(object)}/${object.metadata.name}`;
}

function toStatusBody({ apiVersion, kind, metadata, status }: Stored): object {
  const { name, namespace, uid, resourceVersion } = metadata;
  return { apiVersion, kind, metadata: { name, namespace, uid, resourceVersion }, status };
}
