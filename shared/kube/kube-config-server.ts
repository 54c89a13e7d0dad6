import { Agent as PlainAgent, type OutgoingHttpHeaders } from 'node:http';
import type { KubeConfig } from '@kubernetes/client-node';
import type { ApiServer } from './api-server.ts';
import { type Credentials, readCredentials } from './credentials.ts';
import { type Destination, createSecureAgents, sendOverHttp, sharedConnections } from './send-over-http.ts';

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
  };
  const plainAgent = new PlainAgent(sharedConnections);
  const toSecureAgent = createSecureAgents();

  /** The way through a proxy is the client's own, and hears of the certificates with each request. */
  function withAgent({
    agent,
    ca,
    cert,
    key,
    ...others
  }: Credentials): Omit<Destination, keyof typeof server> {
    if (agent !== undefined) return { ...others, agent, ca, cert, key };
    return { ...others, agent: isPlain ? plainAgent : toSecureAgent({ ca, cert, key }) };
  }

  return {
    send: async ({ path, ...request }) => {
      const credentials = withAgent(await readCredentials(kubeConfig));
      return await sendOverHttp(
        { ...request, path: `${prefix}${path}` },
        { ...server, ...credentials, headers: { ...credentials.headers, ...headers } },
      );
    },
  };
}
