import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UncertainError } from '../api/uncertain-error.ts';
import type { ApiServer } from './api-server.ts';
import { createSecureAgents, sendOverHttp } from './send-over-http.ts';

/** Where a pod finds the API server, and who it is. */
export interface Pod {
  readonly host: string;
  readonly port: string;
  /** Of the service account: `token` and `ca.crt`. */
  readonly folder: string;
}

const accountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The pod around this process, if there is one that may ask the API server. */
export function findPod(environment: NodeJS.ProcessEnv): Pod | undefined {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = environment;
  return host ? { host, port, folder: accountFolder } : undefined;
}

/**
 * The API server as a pod sees it. The client for kubeconfigs is not needed for that: to load it, with all ways to log
 * in that there are, takes most of a start from zero.
 */
export function openFromPod({ host, port, folder }: Pod): ApiServer {
  const toAgent = createSecureAgents();
  return {
    send: async (request) => {
      // Both rotate.
      const [token, ca] = await Promise.all([read(folder, 'token'), read(folder, 'ca.crt')]);
      const headers = { authorization: `Bearer ${toToken(token)}` };
      return await sendOverHttp(request, { protocol: 'https:', agent: toAgent({ ca }), host, port, headers });
    },
  };
}

async function read(folder: string, name: string): Promise<string> {
  try {
    return await readFile(join(folder, name), 'utf8');
  } catch (cause) {
    throw new UncertainError(`the pod's service account cannot be used: ${String(cause)}`, { cause });
  }
}

/** Node would refuse such a token too, but print it. */
function toToken(text: string): string {
  const token = text.trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new UncertainError(
    "the token of the pod's service account is empty or has a character that no header may have",
  );
}
