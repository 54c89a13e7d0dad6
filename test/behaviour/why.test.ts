import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { PodReport } from '../../shared/explain/why/pod-report.ts';
import { openByKubeConfig } from '../../shared/kube/kube-config-server.ts';
import { createCommand } from '../support/command.ts';
import { binding, objective, pool, poolBinding } from '../support/manifests.ts';
import { type PodTraits, podManifest } from '../support/pods.ts';
import { type TestNamespace, useCluster } from '../support/test-cluster.ts';

// Each way in which a container does not get its identity is told by the first line, with what to change.

const cluster = await useCluster();
const command = createCommand(openByKubeConfig(cluster.kubeConfig));
let place: TestNamespace;

beforeAll(async () => {
  await cluster.startStack();
});

beforeEach(async () => {
  place = await cluster.namespace();
});

const digest = `example.org/main@sha256:${'0'.repeat(64)}`;

async function firstLine(line: string): Promise<{ line: string; exitCode: number }> {
  const { output, problem, exitCode } = await command.run(`${line} -n ${place.name}`);
  return { line: (output || problem).split('\n')[0]?.replaceAll(place.name, 'NS') ?? '', exitCode };
}

async function prepare(traits: PodTraits, spec: object = {}): Promise<void> {
  await place.create(pool(), objective(), binding('binding-a', spec));
  await run(traits);
  await place.ready('binding-a');
}

/** A pod, with what its node would report of it. */
async function run(traits: PodTraits = {}): Promise<void> {
  const draft = podManifest(traits);
  const [pod] = await place.create(draft);
  if (pod) await cluster.kube.edit(pod, { status: draft['status'] }, 'status');
}

describe('why pod', () => {
  test('who matches is told the SPIFFE ID', async () => {
    await prepare({});
    expect(await firstLine('why pod pod-a')).toEqual({
      line: 'container main of pod NS/pod-a matches binding binding-a: spiffe://kleym.sonda.red/ns/NS/objective/objective-a',
      exitCode: 0,
    });
    expect(await firstLine('why pod pod-a -c proxy')).toEqual({
      line: 'container proxy of pod NS/pod-a matches no binding; nearest is binding-a: container name "proxy" ≠ "main". To change it: call the container main, or set spec.containerName of binding binding-a to proxy',
      exitCode: 2,
    });
  });

  test.each<[string, PodTraits, string]>([
    [
      'label',
      { labels: { app: 'model-sever' } },
      'label app "model-sever" ≠ "model-server". To change it: label the pod app=model-server (in the template that makes it)',
    ],
    [
      'service account',
      { serviceAccountName: 'other-sa' },
      'service account "other-sa" ≠ "inference-sa". To change it: run the pod under service account inference-sa, or set spec.serviceAccountName of binding binding-a to other-sa',
    ],
    [
      'not scheduled',
      { nodeName: null },
      'the pod is not scheduled to a node. To change it: "kubectl describe pod" says what it waits for',
    ],
  ])('%s', async (_, traits, words) => {
    await prepare(traits);
    expect(await firstLine('why pod pod-a')).toEqual({
      line: `container main of pod NS/pod-a matches no binding; nearest is binding-a: ${words}`,
      exitCode: 2,
    });
  });

  test('container name: of several containers the one that was mistyped is meant', async () => {
    await prepare({ containers: ['proxy', 'mian', 'queue'] });
    expect((await firstLine('why pod pod-a')).line).toMatch(
      /^container mian of pod NS\/pod-a matches no binding; nearest is binding-a: container name "mian" ≠ "main"/,
    );
  });

  test('image: what the node reports is what to write', async () => {
    const other = `example.org/other@sha256:${'1'.repeat(64)}`;
    await prepare({ imageID: other }, { containerImage: digest });
    expect((await firstLine('why pod pod-a')).line).toContain(
      `image "${other}" ≠ "${digest}". To change it: set spec.containerImage of binding binding-a to ${other}, which is what the node reports`,
    );
  });

  test('namespace: the binding that would fit is in another one', async () => {
    const home = place;
    const labels = { app: home.name };
    await home.create(pool('pool-a', labels), objective(), binding());
    await home.ready('binding-a');
    place = await cluster.namespace();
    await run({ labels });
    const { line, exitCode } = await firstLine('why pod pod-a');
    expect(line).toMatch(
      new RegExp(
        `^container main of pod NS/pod-a matches no binding; nearest is binding-a of namespace ${home.name}: namespace "NS" ≠ "${home.name}". To change it: run the pod in namespace ${home.name}, or make`,
      ),
    );
    expect(exitCode).toBe(2);
  });

  test('conflict: the peers are named', async () => {
    await place.create(pool(), objective(), binding('one'), binding('two'));
    await run();
    await place.refused('one', 'Conflict', 'IdentityCollision');
    await place.refused('two', 'Conflict', 'IdentityCollision');
    expect((await firstLine('why pod pod-a')).line).toMatch(
      /nearest is one: binding one has no identity to give: IdentityCollision: identity collision with bindings two: .*To change it: give one of them another container/,
    );
  });

  test('unsafe pool: what is wrong with its selector', async () => {
    const labels = { app: 'model-server', tier: '' };
    await place.create(pool('pool-a', labels), objective(), binding());
    await run();
    await place.refused('binding-a', 'UnsafeSelector', 'InvalidPoolSelector');
    expect((await firstLine('why pod pod-a')).line).toMatch(
      /nearest is binding-a: binding binding-a has no identity to give: InvalidPoolSelector: pool selector labels must contain .*To change it: change the pool/,
    );
  });

  test('SPIRE refuses the entry: its count tells', async () => {
    await prepare({});
    const [output] = await place.outputs('binding-a');
    if (output) await cluster.kube.edit(output, { status: { stats: { entryFailures: 2 } } }, 'status');
    expect((await firstLine('why pod pod-a')).line).toContain(
      `SPIRE refused 2 entries of ${output?.metadata.name}. To change it: look for`.replaceAll(
        place.name,
        'NS',
      ),
    );
  });

  test('class: what SPIRE Controller Manager acts on', async () => {
    await prepare({});
    const config = 'kind: ControllerManagerConfig\nclassName: spire-spire\n';
    await place.create({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'spire' },
      data: { 'controller-manager-config.yaml': config },
    });
    const { line } = await firstLine(`why pod pod-a --spire-namespace ${place.name}`);
    expect(line).toContain(
      'the ClusterSPIFFEID has no class, SPIRE Controller Manager acts only on class "spire-spire". To change it: set KLEYM_CLUSTERSPIFFEID_CLASS_NAME of the functions to "spire-spire"',
    );
  });

  test('several identities are told apart by their hints', async () => {
    await prepare({});
    await place.create(poolBinding('whole'));
    await place.ready('whole');
    expect((await firstLine('why pod pod-a -c main')).line).toMatch(
      /matches 2 bindings: binding-a \(spiffe:.*, hint NS\/binding-a\), whole \(.*, hint NS\/whole\); it must choose by hint$/,
    );
  });

  test('a pod or container that is not there ends with 3, and what was meant', async () => {
    await prepare({});
    expect(await firstLine('why pod pod-b')).toEqual({
      line: 'error: pod NS/pod-b was not found; did you mean pod-a?',
      exitCode: 3,
    });
    expect(await firstLine('why pod pod-a -c mian')).toEqual({
      line: 'error: pod NS/pod-a has no container "mian": it has main, proxy; did you mean main?',
      exitCode: 3,
    });
  });

  test('who may read nothing but pods and bindings learns what was not looked at', async () => {
    await prepare({});
    command.forbid((path) => /clusterspiffeids|configmaps|\/namespaces\/[^/]+$/.test(path));
    const { output, exitCode } = await command.run(`why pod pod-a -n ${place.name} -o json`);
    command.forbid(undefined);
    const report = JSON.parse(output) as PodReport;
    expect(exitCode).toBe(0);
    expect(report.notes).toEqual([
      "SPIRE Controller Manager's configuration was not found: whether it acts on this class is not known",
      'ClusterSPIFFEIDs could not be read: whether they are as rendered is not known',
      'no permission to get clusterspiffeids.spire.spiffe.io',
      'no permission to get namespaces',
      'no permission to list clusterspiffeids.spire.spiffe.io',
      'no permission to list configmaps in namespace spire-server',
    ]);
  });
});

describe('why binding', () => {
  test('the other pods of its pool are told which label they lack', async () => {
    const labels = { app: 'model-server', role: 'decode' };
    await prepare({ name: 'decode-0', labels }, { podLabels: { role: 'prefill' } });
    await run({ name: 'prefill-0', labels: { ...labels, role: 'prefill' } });
    const { line } = await firstLine('why binding binding-a');
    expect(line).toBe(
      '1 workload matches binding NS/binding-a (spiffe://kleym.sonda.red/ns/NS/objective/objective-a), of 2 pods of its pool; nearest miss is pod decode-0: label role "decode" ≠ "prefill"',
    );
  });

  test('who matches is listed, and who of the pool does not, with the reason', async () => {
    await prepare({});
    await run({ name: 'pod-b', serviceAccountName: 'other-sa' });
    await run({ name: 'stranger', labels: { app: 'other' } });
    const { output, exitCode } = await command.run(`why binding binding-a -n ${place.name}`);
    expect(exitCode).toBe(0);
    expect(output.replaceAll(place.name, 'NS')).toMatch(
      /^1 workload matches binding NS\/binding-a \(spiffe:.*\), of 2 pods of its pool; nearest miss is pod pod-b: service account "other-sa" ≠ "inference-sa"\n/,
    );
    expect(output).toContain('\n  pod-a container=main\n');
    expect(output).not.toContain('stranger');
  });

  test('where nobody matches, the nearest does', async () => {
    await prepare({ labels: { app: 'modelserver' } });
    expect(await firstLine('why binding binding-a')).toEqual({
      line: 'nobody matches binding NS/binding-a; nearest is pod pod-a: label app "modelserver" ≠ "model-server". To change it: label the pod app=model-server (in the template that makes it)',
      exitCode: 2,
    });
  });

  test('a binding that is not there ends with 3', async () => {
    await prepare({});
    expect(await firstLine('why binding bindng-a')).toEqual({
      line: 'error: binding NS/bindng-a was not found; did you mean binding-a?',
      exitCode: 3,
    });
  });
});
