import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { binding, objective, output, pool } from '../support/manifests.ts';
import type { Manifest } from '../support/kube-client.ts';
import { type TestNamespace, useCluster } from '../support/test-cluster.ts';
import { openTarget, report } from './installed.ts';
import { kubectl, run } from './kubectl.ts';

const target = await openTarget();
process.env['KLEYM_TEST_INSTALLED'] = 'true';
const cluster = await useCluster();
const [svid = '', ...svidArgs] = (process.env['KLEYM_TEST_SVID'] ?? '').split(' ');

/** Longer than SPIRE ever takes at its own settings: 10 s between two passes of its controller, 5 s server, 5 s agent. */
const surelySeconds = 25;

let here: TestNamespace;
let elsewhere: TestNamespace;
let promised: string;

beforeAll(async () => {
  [here, elsewhere] = [await cluster.namespace(), await cluster.namespace()];
  promised = `spiffe://kleym.sonda.red/ns/${here.name}/objective/objective-a`;
  for (const place of [here, elsewhere])
    for (const name of ['inference-sa', 'other-sa'])
      await place.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } });
  await here.create(
    pool(),
    objective(),
    podOf('served', {}),
    podOf('other-account', { account: 'other-sa' }),
    podOf('other-label', { app: 'something-else' }),
    podOf('other-container', { container: 'sidecar' }),
  );
  await elsewhere.create(podOf('other-namespace', {}));
  for (const { name } of [here, elsewhere])
    await kubectl(['-n', name, 'wait', '--for=condition=Ready', '--timeout=300s', 'pod', '--all']);
});

describe('a pod of the pool that ran before the binding', () => {
  test('has no identity yet', async () => {
    expect(await idsOf(here, 'served')).toEqual([]);
  });

  test('receives the X.509-SVID of its binding', async () => {
    const start = performance.now();
    await kubectl(['-n', here.name, 'apply', '-f', '-'], JSON.stringify(binding()));
    const ready = here.ready('binding-a').then(() => performance.now());
    await untilIds('served', [promised]);
    const got = performance.now();
    report(
      `from kubectl apply to SVID ${seconds(got - start)}, Ready was said after ${seconds((await ready) - start)}`,
    );
  });

  test('with another account, label, container or namespace receives nothing', async () => {
    await sleep(surelySeconds * 1000);
    expect(await idsOf(here, 'other-account')).toEqual([]);
    expect(await idsOf(here, 'other-label')).toEqual([]);
    expect(await idsOf(here, 'other-container', 'sidecar')).toEqual([]);
    expect(await idsOf(elsewhere, 'other-namespace')).toEqual([]);
    expect(await idsOf(here, 'served')).toEqual([promised]);
  });

  test('loses the SVID in a conflict, and gets it again after the conflict', async () => {
    const rival = binding('rival');
    let start = performance.now();
    await kubectl(['-n', here.name, 'apply', '-f', '-'], JSON.stringify(rival));
    await untilIds('served', []);
    report(`from a conflict to no SVID ${seconds(performance.now() - start)}`);
    expect(await here.refused('binding-a', 'Conflict', 'IdentityCollision')).toContain('rival');
    start = performance.now();
    await kubectl(['-n', here.name, 'delete', 'iib', 'rival']);
    await untilIds('served', [promised]);
    report(`from the end of the conflict to SVID ${seconds(performance.now() - start)}`);
  });

  test('loses the SVID with the binding', async () => {
    const start = performance.now();
    await kubectl(['-n', here.name, 'delete', 'iib', 'binding-a']);
    await untilIds('served', []);
    report(`from kubectl delete to no SVID ${seconds(performance.now() - start)}`);
  });

  test('receives the same from a ClusterSPIFFEID made by hand, which shows what SPIRE alone takes', async () => {
    const { name } = here;
    const byHand = output(`by-hand-${name}`, {
      spiffeIDTemplate: promised,
      podSelector: { matchLabels: { app: 'model-server' } },
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } },
      workloadSelectorTemplates: [`k8s:ns:${name}`, 'k8s:sa:inference-sa', 'k8s:container-name:main'],
    });
    const start = performance.now();
    await kubectl(['apply', '-f', '-'], JSON.stringify(byHand));
    await untilIds('served', [promised]);
    report(
      `SPIRE alone, a ClusterSPIFFEID made by hand: from kubectl apply to SVID ${seconds(performance.now() - start)}`,
    );
    await kubectl(['delete', 'clusterspiffeid', byHand.metadata.name]);
    await untilIds('served', []);
  });
});

interface PodTraits {
  readonly account?: string;
  readonly app?: string;
  readonly container?: string;
}

/** A pod that does nothing but be there. */
function podOf(
  name: string,
  { account = 'inference-sa', app = 'model-server', container = 'main' }: PodTraits,
): Manifest {
  const idle = { name: container, image: target.image, args: ['-e', 'setInterval(() => {}, 1e6)'] };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app } },
    spec: { serviceAccountName: account, terminationGracePeriodSeconds: 0, containers: [idle] },
  };
}

async function idsOf({ name }: TestNamespace, pod: string, container = 'main'): Promise<string[]> {
  const { code, out, err } = await run(svid, [...svidArgs, name, pod, container]);
  // A shell script that fails ends with 1, too: whoever has something to say has not looked.
  if (code > 1 || (code === 1 && err !== '')) throw new Error(`${svid} ended with ${code}: ${err}${out}`);
  return out.split('\n').filter((line) => line.startsWith('spiffe://'));
}

async function untilIds(pod: string, expected: readonly string[]): Promise<void> {
  const deadline = performance.now() + 660_000;
  for (;;) {
    const found = await idsOf(here, pod);
    if (JSON.stringify(found) === JSON.stringify(expected)) return;
    if (performance.now() > deadline) throw new Error(`${pod} gets ${found.join(', ') || 'nothing'}`);
    await sleep(200);
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
