// What a look at everything costs where there is nothing to do: processor and memory of the bundled sweep, look by look.
//
//   npm run build && npm run bench:sweep                 [-- --bindings 2000] [-- --looks 4] [-- --dist dist]
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { KubeConfig } from '@kubernetes/client-node';
import { settle } from '../../functions/reconcile/settle.ts';
import { startCluster } from '../../local/cluster/cluster.ts';
import { connect } from '../../shared/kube/kube-cluster.ts';
import { binding, objective, pool } from '../support/drafts.ts';
import { type Draft, createKubeClient } from '../support/kube-client.ts';
import { readDefinitions, testSettings } from '../support/test-cluster.ts';
import { readCpu, readMemory, untilListening } from './running-function.ts';

const { values } = parseArgs({
  options: {
    bindings: { type: 'string', default: '2000' },
    looks: { type: 'string', default: '4' },
    dist: { type: 'string', default: 'dist' },
  },
});
const aNamespace = 50;

const work = await mkdtemp(join(tmpdir(), 'kleym-sweep-'));
const cluster = await startCluster({ crds: await readDefinitions() });
try {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromString(cluster.kubeconfig());
  const namespaces = Math.ceil(Number(values.bindings) / aNamespace);
  for (let index = 0; index < namespaces; index += 1) await fill(kubeConfig, `team-${index}`);
  const kubeconfig = join(work, 'kubeconfig');
  await writeFile(kubeconfig, cluster.kubeconfig());
  await measure(kubeconfig);
} finally {
  await cluster.close();
  await rm(work, { recursive: true });
}

/** A namespace with a pool, and bindings that are at rest. */
async function fill(kubeConfig: KubeConfig, namespace: string): Promise<void> {
  const kube = createKubeClient(kubeConfig.getCurrentCluster()?.server ?? '');
  const create = (draft: Draft) => kube.create({ ...draft, metadata: { ...draft.metadata, namespace } });
  await kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  await create(pool());
  const names = Array.from({ length: aNamespace }, (_, index) => `binding-${index}`);
  for (const name of names) {
    await create(objective(name));
    await create(binding(name, { objectiveRef: { name }, containerName: name }));
  }
  const { endings } = await settle(namespace, names, testSettings, {
    cluster: connect({ kubeConfig }),
    announcer: { tell: () => undefined, told: async () => undefined },
    nonce: randomUUID,
    elapsed: () => performance.now(),
  });
  const open = [...endings].filter(([, { kind }]) => kind !== 'settled');
  if (open.length > 0) throw new Error(`${namespace}: ${JSON.stringify(open[0])}`);
}

async function measure(kubeconfig: string): Promise<void> {
  const environment = {
    HOST: '127.0.0.1',
    PORT: '0',
    KUBECONFIG: kubeconfig,
    KLEYM_TRUST_DOMAIN: testSettings.trustDomain,
  };
  const child = spawn(process.execPath, [join(values.dist, 'sweep', 'main.mjs')], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const port = await untilListening(child);
    const pid = child.pid ?? 0;
    for (let look = 1; look <= Number(values.looks); look += 1) {
      const before = { cpu: await readCpu(pid), at: performance.now() };
      const { status } = await fetch(`http://127.0.0.1:${port}/`, {
        method: 'POST',
        headers: {
          'ce-specversion': '1.0',
          'ce-id': `${look}`,
          'ce-source': 'bench',
          'ce-type': 'dev.knative.sources.ping',
        },
      });
      if (status !== 204) throw new Error(`look ${look} was answered ${status}, expected 204: nothing to do`);
      const took = [performance.now() - before.at, (await readCpu(pid)) - before.cpu].map(Math.round);
      const { now, most } = await readMemory(pid);
      process.stdout.write(
        `${values.bindings} bindings  look ${look}  ${took[0]} ms, ${took[1]} ms of processor  ${now} MB, at most ${most} MB\n`,
      );
    }
  } finally {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  }
}
