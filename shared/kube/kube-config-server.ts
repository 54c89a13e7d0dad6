import { Agent as PlainAgent, type OutgoingHttpHeaders } from 'node:http';
import { Agent as SecureAgent } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import type { ApiServer } from './api-server.ts';
import { readCredentials } from './credentials.ts';
import { sendOverHttp, sharedConnections } from './send-over-http.ts';

/** The API server of the kubeconfig's current context, which is asked with these headers beside the credentials. */
export function openByKubeConfig(kubeConfig: KubeConfig, headers: OutgoingHttpHeaders = {}): ApiServer {
  const url = kubeConfig.getCurrentCluster()?.server;
  if (url === undefined) throw new Error('the kubeconfig has no current cluster; set its current-context');
  const { protocol, hostname, port, pathname } = new URL(url);
  const prefix = pathname.replace(/\/+$/, '');
  const isPlain = protocol === 'http:';
  const server = {
    protocol,
    // An address of IPv6 stands in brackets.
    host: hostname.replaceAll(/[[\]]/g, ''),
    port: port || (isPlain ? '80' : '443'),
    agent: isPlain ? new PlainAgent(sharedConnections) : new SecureAgent(sharedConnections),
  };
  return {
    send: async ({ path, ...request }) => {
      const credentials = await readCredentials(kubeConfig);
      return await sendOverHttp(
        { ...request, path: `${prefix}${path}` },
        { ...server, ...credentials, headers: { ...credentials.headers, ...headers } },
      );
    },
  };
}
