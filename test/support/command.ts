import { relative, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { stringify } from 'yaml';
import { connectTo } from '../../cli/kube/connection.ts';
import { observeRequests } from '../../cli/kube/observe-requests.ts';
import { run as runWords } from '../../cli/run.ts';
import type { Ending } from '../../cli/tools.ts';
import { plain } from '../../cli/terminal/paint.ts';
import type { ApiServer } from '../../shared/kube/api-server.ts';
import { createInMemoryCluster } from './in-memory-cluster.ts';
import type { KubeClient } from './kube-client.ts';
import { manifestsFolder, readManifests } from './kustomization.ts';
import { readDefinitions } from '../../local/crds/definitions.ts';

/** `kubectl kleym` in this process, on a cluster in this process. */
export interface Command {
  /** Runs a command line; its words stand between blanks. */
  run(line: string, stdin?: string): Promise<Ending>;
  runWords(words: readonly string[]): Promise<Ending>;
  /** The paths that were asked, with their queries. */
  readonly asked: string[];
  /** What is answered in the place of the API server; undefined: it answers itself. */
  forbid(isForbidden: ((path: string) => boolean) | undefined): void;
}

/** The time at which the commands of tests run. */
const commandTime = new Date('2026-01-02T03:04:05Z');

/** A cluster with our definitions, and the command in front of it. */
export async function useCommand(
  definitions?: readonly string[],
): Promise<Command & { readonly kube: KubeClient }> {
  const { apiServer, kube } = createInMemoryCluster(definitions ?? (await readDefinitions()));
  return { ...createCommand(apiServer), kube };
}

/** The command on an API server; `namespace` is that of the context. */
export function createCommand(opened: ApiServer, namespace = 'default'): Command {
  const asked: string[] = [];
  let isForbidden: ((path: string) => boolean) | undefined;
  const apiServer = observeRequests(
    forbidding(opened, (path) => isForbidden?.(path) ?? false),
    ({ path }) => asked.push(path),
  );
  const run = (words: readonly string[], stdin = '') =>
    runWords(words, {
      // Nothing is coloured, and the time stands still.
      terminal: { width: undefined, paint: plain },
      now: () => commandTime,
      stdin: Readable.from([stdin]),
      connect: (flags) => connectTo(apiServer, flags.namespace ?? namespace),
      listContexts: () => ['prod', 'test'],
      kustomize: build,
    });
  return {
    asked,
    run: (line, stdin) => run(line.split(' ').filter(Boolean), stdin),
    runWords: (words) => run(words),
    forbid: (by) => void (isForbidden = by),
  };
}

/** As far as ours go; `npm run test:real` has kustomize itself. */
async function build(folder: string): Promise<string> {
  const objects = readManifests(relative(manifestsFolder, resolve(folder)));
  return await Promise.resolve(objects.map((object) => stringify(object)).join('---\n'));
}

function forbidding(apiServer: ApiServer, isForbidden: (path: string) => boolean): ApiServer {
  return {
    ...apiServer,
    send: async (request) => {
      if (!isForbidden(request.path)) return await apiServer.send(request);
      const status = { kind: 'Status', reason: 'Forbidden', message: 'no', code: 403 };
      return {
        status: 403,
        headers: { date: commandTime.toUTCString() },
        body: toChunks(JSON.stringify(status)),
      };
    },
  };
}

async function* toChunks(text: string): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(Buffer.from(text));
}
