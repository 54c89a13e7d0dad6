import { afterAll, beforeAll, expect, test } from 'vitest';
import { namespace, openTarget, report, until } from './installed.ts';
import { kubectl } from './kubectl.ts';
import { idlePod } from './workload.ts';

// The console as docs/console.md installs it. A pod asks for its pages by its name in the cluster, as a proxy does.

const target = await openTarget();
const browser = 'console-browser';
const names = [`console.${namespace}.svc.cluster.local`, `console.${namespace}.svc`, `console.${namespace}`];

beforeAll(async () => {
  const { metadata, ...pod } = idlePod(target.image, browser, { account: 'default' });
  await target.kube.create({ ...pod, metadata: { ...metadata, namespace: 'default' } });
  await target.install({ components: ['console'] });
  await until(async () => (await target.unready()).length === 0, 'everything is Ready');
  await kubectl(['-n', 'default', 'wait', '--for=condition=Ready', '--timeout=300s', 'pod', browser]);
});
afterAll(async () => {
  await kubectl(['-n', 'default', 'delete', 'pod', browser]);
  const owned = ['ksvc/console', 'serviceaccount/console', 'role/kleym-console', 'rolebinding/kleym-console'];
  await kubectl(['-n', namespace, 'delete', ...owned]);
  await kubectl(['delete', 'clusterrole/kleym-console', 'clusterrolebinding/kleym-console']);
});

interface Page {
  readonly status: number;
  readonly text: string;
  readonly ms: number;
}

async function open(url: string): Promise<Page> {
  const script = `const start = performance.now();
    fetch(${JSON.stringify(url)}).then(async (response) => {
      const text = await response.text();
      console.log(JSON.stringify({ status: response.status, text, ms: performance.now() - start }));
    });`;
  return JSON.parse(await kubectl(['-n', 'default', 'exec', browser, '--', 'node', '-e', script])) as Page;
}

async function untilZero(): Promise<void> {
  const pods = {
    apiVersion: 'v1',
    kind: 'Pod',
    namespace,
    labelSelector: 'serving.knative.dev/service=console',
  };
  await until(async () => (await target.kube.list(pods)).length === 0, 'the console has no pod');
}

test('the first page comes from zero, and says how kleym is', async () => {
  await untilZero();
  const { status, text, ms } = await open(`http://${names[0]}/`);
  expect(status).toBe(200);
  expect(text).toContain('7 of 7 ready');
  report(`the first page from zero ${Math.round(ms)} ms`);
});

test.each(names)('it answers under the name %s', async (name) => {
  const { status, ms } = await open(`http://${name}/why`);
  expect(status).toBe(200);
  report(`a page ${Math.round(ms)} ms`);
});

test('it goes to zero again when nobody asks for a page', untilZero);
