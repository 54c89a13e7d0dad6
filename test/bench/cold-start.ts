// How long a function takes from nothing to its open port and to its first answer, in the forms in which it could be
// deployed, and as ratios to the least that answers HTTP. All take turns, so that whatever else the machine does is the
// same for all.
//
//   npm run build && npm run bench:start                 [-- --runs 10] [-- --dist dist]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startCluster } from '../../local/cluster/cluster.ts';
import { binding, pool } from '../support/drafts.ts';
import { readDefinitions } from '../support/test-cluster.ts';
import { median, say, toRatio } from './figures.ts';
import { readCpu, untilListening } from './running-function.ts';

/** A way to run a function. */
interface Form {
  readonly title: string;
  readonly folder: string;
  readonly main: string;
  readonly env: Readonly<Record<string, string>>;
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
try {
  const kubeconfig = join(work, 'kubeconfig');
  await writeFile(kubeconfig, cluster.kubeconfig());
  await cp(join(root, values.dist), join(work, 'dist'), { recursive: true });
  for (const [name, question] of Object.entries(questions)) await compare(name, question, kubeconfig);
} finally {
  await cluster.close();
  await rm(work, { recursive: true });
}

async function compare(name: string, question: Question, kubeconfig: string): Promise<void> {
  const cache = join(work, `cache-${name}`);
  const common = { folder: join(work, 'dist'), main: `${name}/main.mjs` };
  const floor: Form = { title: 'bare node:http', folder: import.meta.dirname, main: 'hello.mjs', env: {} };
  const forms: Form[] = [
    floor,
    { title: 'unbundled', folder: root, main: `functions/${name}/main.ts`, env: {} },
    { title: 'bundle', ...common, env: {} },
    { title: 'bundle, compile cache', ...common, env: { NODE_COMPILE_CACHE: cache } },
  ];
  const times = new Map<Form, Times[]>(forms.map((form) => [form, []]));
  // The first round fills the file system's cache and V8's.
  for (let run = 0; run <= Number(values.runs); run += 1) {
    for (const form of forms) {
      const taken = await measure(form, question, kubeconfig);
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

async function measure({ folder, main, env }: Form, question: Question, kubeconfig: string): Promise<Times> {
  const start = performance.now();
  const settings = {
    HOST: '127.0.0.1',
    PORT: '0',
    KUBECONFIG: kubeconfig,
    KLEYM_TRUST_DOMAIN: 'example.org',
  };
  const child = spawn(process.execPath, [main], {
    cwd: folder,
    env: { ...settings, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
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
