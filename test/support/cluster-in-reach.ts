import { type HttpLibrary, KubeConfig, ResponseContext, wrapHttpLibrary } from '@kubernetes/client-node';
import { parse } from 'yaml';
import { type Machine, answerRequest } from '../../local/kube-api/api.ts';
import { builtInKinds } from '../../local/kube-api/built-in-kinds.ts';
import { resourcesOf } from '../../local/kube-api/definitions.ts';
import { createKinds } from '../../local/kube-api/kinds.ts';
import type { KubeObject } from '../../local/kube-api/kube-object.ts';
import { Refusal } from '../../local/kube-api/refusal.ts';
import { createStore } from '../../local/kube-api/store.ts';
import { type KubeClient, createKubeClient } from './kube-client.ts';

const server = 'http://cluster.test';

/** The embedded cluster without its port: requests reach it by a call, so that thousands of them take a moment. */
export interface ClusterInReach {
  readonly kube: KubeClient;
  /** What `connect` needs. */
  readonly connection: { readonly kubeConfig: KubeConfig; readonly http: HttpLibrary };
}

/** Makes a cluster that knows these definitions, and keeps what it is told for as long as somebody holds it. */
export function createClusterInReach(definitions: readonly string[]): ClusterInReach {
  const machine = { store: createStore([], () => {}), kinds: createKinds(builtInKinds) };
  for (const text of definitions) install(machine, parse(text) as KubeObject);
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromClusterAndUser({ name: 'test', server, skipTLSVerify: true }, { name: 'test' });
  const http = wrapHttpLibrary({
    send: async (context) => {
      const { status, text, headers } = await ask(machine, {
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
  return {
    kube: createKubeClient(server, (url, init) => fetchFrom(machine, url, init)),
    connection: { kubeConfig, http },
  };
}

function install(machine: Machine, definition: KubeObject): void {
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const body = JSON.stringify(definition);
  answerRequest(machine, {
    method: 'POST',
    path,
    query: new URLSearchParams(),
    accept: '',
    contentType: 'application/json',
    body,
  });
  const { name } = definition.metadata;
  const stored = machine.store
    .list('customresourcedefinitions')
    .find(({ metadata }) => metadata.name === name);
  if (stored) machine.kinds.define(name, resourcesOf(stored));
}

interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly contentType: string;
  readonly body: string;
}

async function ask(machine: Machine, { method, url, contentType, body }: Asked) {
  const headers = { date: new Date().toUTCString(), 'content-type': 'application/json' };
  try {
    const request = {
      method,
      path: url.pathname,
      query: url.searchParams,
      accept: 'application/json',
      contentType,
      body,
    };
    const answer = answerRequest(machine, request);
    if (answer.kind === 'watch') throw new Error(`a watch of ${url.pathname} needs a port`);
    if (answer.kind === 'text')
      return {
        status: answer.status,
        text: answer.body,
        headers: { ...headers, 'content-type': 'text/plain' },
      };
    return { status: answer.status, text: JSON.stringify(answer.body), headers };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { status: error.status.code, text: JSON.stringify(error.status), headers };
  }
}

async function fetchFrom(machine: Machine, url: string, init: RequestInit): Promise<Response> {
  const { status, text, headers } = await ask(machine, {
    method: init.method ?? 'GET',
    url: new URL(url),
    contentType: new Headers(init.headers).get('content-type') ?? '',
    body: typeof init.body === 'string' ? init.body : '',
  });
  return new Response(text, { status, headers });
}
