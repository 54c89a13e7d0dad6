// How long a function takes from nothing to its open port and to its first answer, in the forms in which it could be
// deployed, and as ratios to the least that answers HTTP. All take turns, so that whatever else the machine does is the
// same for all.
//
//   npm run build && npm run bench:start                 [-- --runs 10] [-- --dist dist]
//
// "in a pod": the API server is found and asked as in a pod, over TLS and with the token of a service account. That
// wants a folder of its own under /var/run, so it takes Linux with user namespaces; elsewhere this form is left out.
// "and OTLP": the same, with spans for a receiver that answers.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { type Server, createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startCluster } from '@kleym/kube-api';
import { binding, pool } from '../support/manifests.ts';
import { startOtlpReceiver } from '../support/otlp-receiver.ts';
import { readDefinitions } from '../../local/crds/definitions.ts';
import { median, say, toRatio } from './figures.ts';
import { readCpu, untilListening } from './running-function.ts';

/** A way to run a function. */
interface Form {
  readonly title: string;
  readonly folder: string;
  readonly main: string;
  readonly env: Readonly<Record<string, string>>;
  /** The folder of a service account, where the function shall believe that it is in a pod. */
  readonly account?: string;
}

/** Milliseconds since the start; `cpu` is what all threads used of the processor until the answer. */
interface Times {
  readonly listening: number;
  readonly answered: number;
  readonly cpu: number;
}

interface Question {
  readonly attributes: Readonly<Record<string, string>>;
  readonly data: unknown;
}

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '10' },
    dist: { type: 'string', default: 'dist' },
  },
});
const root = join(import.meta.dirname, '..', '..');
const tls = join(root, 'test', 'fixtures', 'tls');

const resource = { type: 'dev.knative.apiserver.resource.update', name: 'any', namespace: 'default' };
const questions: Readonly<Record<string, Question>> = {
  'map-binding': {
    attributes: { ...resource, apiversion: 'kleym.sonda.red/v1alpha1', kind: 'InferenceIdentityBinding' },
    data: withMetadata(binding('any')),
  },
  'map-pool': {
    attributes: { ...resource, apiversion: 'inference.networking.k8s.io/v1', kind: 'InferencePool' },
    data: withMetadata(pool('any')),
  },
  reconcile: {
    attributes: { type: 'red.sonda.kleym.bindings.affected' },
    data: { bindings: [{ namespace: 'default', names: ['any'] }] },
  },
};

function withMetadata(object: { readonly metadata: object }): object {
  const metadata = {
    ...object.metadata,
    namespace: 'default',
    uid: 'u',
    resourceVersion: '1',
    generation: 1,
  };
  return { ...object, metadata };
}

const work = await mkdtemp(join(tmpdir(), 'kleym-cold-'));
const cluster = await startCluster({ crds: await readDefinitions() });
const measures = ['listening', 'answered', 'cpu'] as const satisfies (keyof Times)[];
say(
  `${''.padEnd(36)}${['listening', 'first answer', 'processor'].map((title) => title.padStart(17)).join('')}`,
);
const door = await openTlsDoor(cluster.url);
const receiver = await startOtlpReceiver();
try {
  const kubeconfig = join(work, 'kubeconfig');
  await writeFile(kubeconfig, cluster.kubeconfig());
  await cp(join(root, values.dist), join(work, 'dist'), { recursive: true });
  const account = await writeAccount(join(work, 'account'));
  for (const [name, question] of Object.entries(questions))
    await compare(name, question, kubeconfig, account);
} finally {
  door.close();
  door.closeAllConnections();
  await receiver.close();
  await cluster.close();
  await rm(work, { recursive: true });
}

async function openTlsDoor(url: string): Promise<Server> {
  const [cert, key] = await Promise.all(
    ['test-only-server.crt', 'test-only-server.key'].map((file) => readFile(join(tls, file))),
  );
  const server = createServer({ cert, key }, (incoming, response) => {
    const { method, headers } = incoming;
    const outgoing = request(new URL(incoming.url ?? '/', url), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    incoming.pipe(outgoing);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** The folder of a service account; undefined where nobody can be made to believe in it. */
async function writeAccount(folder: string): Promise<string | undefined> {
  await mkdir(folder);
  await writeFile(join(folder, 'token'), 'any');
  await cp(join(tls, 'test-only-ca.crt'), join(folder, 'ca.crt'));
  return spawnSync('unshare', [...asInPod(folder), 'true']).status === 0 ? folder : undefined;
}

/** What `unshare` is told: a /var/run of its own, in which the folder is where a pod has it. */
function asInPod(folder: string): string[] {
  const at = '/var/run/secrets/kubernetes.io';
  const script = `mount -t tmpfs tmpfs /var/run && mkdir -p ${at} && ln -s "$0" ${at}/serviceaccount && echo && exec "$@"`;
  return ['--user', '--map-root-user', '--mount', 'sh', '-c', script, folder];
}

async function compare(
  name: string,
  question: Question,
  kubeconfig: string,
  account: string | undefined,
): Promise<void> {
  const cache = join(work, `cache-${name}`);
  const env = { KUBECONFIG: kubeconfig };
  const common = { folder: join(work, 'dist'), main: `${name}/main.mjs` };
  const floor: Form = { title: 'bare node:http', folder: import.meta.dirname, main: 'hello.mjs', env: {} };
  const pod = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(toPort(door)) };
  const otlp = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url };
  const forms: Form[] = [
    floor,
    { title: 'unbundled', folder: root, main: `functions/${name}/main.ts`, env },
    { title: 'bundle', ...common, env },
    { title: 'bundle, compile cache', ...common, env: { ...env, NODE_COMPILE_CACHE: cache } },
    ...(account === undefined
      ? []
      : [
          { title: 'bundle, in a pod', ...common, env: pod, account },
          { title: 'in a pod, and OTLP', ...common, env: { ...pod, ...otlp }, account },
        ]),
  ];
  const times = new Map<Form, Times[]>(forms.map((form) => [form, []]));
  // The first round fills the file system's cache and V8's.
  for (let run = 0; run <= Number(values.runs); run += 1) {
    for (const form of forms) {
      const taken = await measure(form, question);
      if (run > 0) times.get(form)?.push(taken);
    }
  }
  const least = toMedians(times.get(floor) ?? []);
  for (const [{ title }, all] of times) {
    const taken = toMedians(all);
    const columns = measures.map((key) => `${taken[key].toFixed(0)} ms ${toRatio(taken[key], least[key])}`);
    const cells = [name.padEnd(12), title.padEnd(22), ...columns.map((cell) => cell.padStart(15))];
    say(cells.join('  '));
  }
}

function toMedians(all: readonly Times[]): Times {
  return {
    listening: median(all.map(({ listening }) => listening)),
    answered: median(all.map(({ answered }) => answered)),
    cpu: median(all.map(({ cpu }) => cpu)),
  };
}

function toPort(server: Server): number {
  return (server.address() as AddressInfo).port;
}

async function measure({ folder, main, env, account }: Form, question: Question): Promise<Times> {
  const [command, ...args] =
    account === undefined
      ? [process.execPath, main]
      : ['unshare', ...asInPod(account), process.execPath, main];
  const settings = { HOST: '127.0.0.1', PORT: '0', KLEYM_TRUST_DOMAIN: 'example.org' };
  let start = performance.now();
  const child = spawn(command ?? '', args, {
    cwd: folder,
    env: { PATH: process.env['PATH'], ...settings, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    if (account !== undefined) {
      // An empty line says that Node comes next.
      await once(child.stdout, 'readable');
      child.stdout.read(1);
      start = performance.now();
    }
    const port = await untilListening(child);
    const listening = performance.now() - start;
    const headers = {
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-id': 'a',
      'ce-source': 'bench',
    };
    const attributes = Object.entries(question.attributes).map(([key, value]) => [`ce-${key}`, value]);
    const answer = await fetch(`http://127.0.0.1:${port}/`, {
      method: 'POST',
      headers: { ...headers, ...Object.fromEntries(attributes) },
      body: JSON.stringify(question.data),
    });
    const answered = performance.now() - start;
    if (answer.status >= 300) throw new Error(`${main} answered ${answer.status}: ${await answer.text()}`);
    return { listening, answered, cpu: await readCpu(child.pid ?? 0) };
  } finally {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  }
}
