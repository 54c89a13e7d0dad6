import { beforeAll, describe, expect, test } from 'vitest';
import type { InspectionReport } from '../../shared/explain/inspect/inspection-report.ts';
import type { StatusReport } from '../../cli/status/status-report.ts';
import { openByKubeConfig } from '../../shared/kube/kube-config-server.ts';
import { createCommand } from '../support/command.ts';
import { binding, objective, pool, poolBinding } from '../support/manifests.ts';
import { podManifest } from '../support/pods.ts';
import { useCluster } from '../support/test-cluster.ts';

// The contract of the Go operator's command: what scripts rely on keeps its shape, its words and its exit codes.

const cluster = await useCluster();
const command = createCommand(openByKubeConfig(cluster.kubeConfig));
const place = await cluster.namespace();

beforeAll(async () => {
  await cluster.startStack();
  await place.create(pool(), objective(), binding(), podManifest());
  await place.ready('binding-a');
});

async function inspect(name: string, more = ''): Promise<{ report: InspectionReport; exitCode: number }> {
  const { output, exitCode, problem } = await command.run(
    `inspect binding ${name} -n ${place.name} -o json ${more}`,
  );
  expect(problem).toBe('');
  return { report: JSON.parse(output) as InspectionReport, exitCode };
}

async function findingsOf(name: string): Promise<{ said: string[]; exitCode: number }> {
  const { report, exitCode } = await inspect(name);
  const said = report.findings.map(({ id, severity, reason }) => `${severity} ${id} ${reason}`);
  return { said, exitCode };
}

describe('inspect binding', () => {
  test('a healthy binding has no findings, and its containers are listed', async () => {
    const { report, exitCode } = await inspect('binding-a');
    const spiffeID = `spiffe://kleym.sonda.red/ns/${place.name}/objective/objective-a`;
    const [{ metadata } = { metadata: { name: '' } }] = await place.outputs('binding-a');
    expect(exitCode).toBe(0);
    expect(report).toMatchObject({
      schemaVersion: 'v1alpha1',
      kind: 'BindingInspectionReport',
      generatedAt: '2026-01-02T03:04:05Z',
      identityConfig: { trustDomain: 'kleym.sonda.red', trustDomainSource: 'bindingStatus' },
      bindingRef: {
        namespace: place.name,
        name: 'binding-a',
        generation: 1,
        mode: 'PerObjective',
        poolRef: { name: 'pool-a', kind: 'InferencePool' },
      },
      resolvedInput: {
        poolRef: { name: 'pool-a', group: 'inference.networking.k8s.io', version: 'v1' },
        objectiveRef: { name: 'objective-a', group: 'llm-d.ai', version: 'v1alpha2' },
        containerName: 'main',
      },
      renderedIdentity: {
        spiffeID,
        podSelector: { matchLabels: { app: 'model-server' } },
        workloadSelectors: [
          'k8s:container-name:main',
          `k8s:ns:${place.name}`,
          'k8s:pod-label:app:model-server',
          'k8s:sa:inference-sa',
        ],
        selectorProvenance: {
          poolDerivedSelectors: ['k8s:pod-label:app:model-server'],
          containerSelector: 'k8s:container-name:main',
          safetySelectors: [`k8s:ns:${place.name}`, 'k8s:sa:inference-sa'],
        },
      },
      renderedClusterSPIFFEID: {
        name: metadata.name,
        spiffeID,
        hint: `${place.name}/binding-a`,
        fallback: false,
      },
      matchedPods: [{ namespace: place.name, pod: 'pod-a', container: 'main' }],
      findings: [],
      capabilities: { binding: 'full', gaieResources: 'full', peerBindings: 'partial', pods: 'full' },
      outputs: [{ name: metadata.name, state: 'as rendered' }],
      claim: `it owns ClusterSPIFFEID ${metadata.name}, and no write is on its way`,
      nextStep: 'nothing: the binding is at rest (row 16)',
      peers: [],
    });
    expect(report.bindingRef.conditions?.[0]).toMatchObject({
      type: 'Ready',
      status: 'True',
      reason: 'Reconciled',
    });
    expect(report.events?.map(({ reason }) => reason)).toContain('Reconciled');
  });

  test('the identity of a whole pool matches pods, and names no container', async () => {
    await place.create(poolBinding('whole'));
    await place.ready('whole');
    const { report } = await inspect('whole');
    expect(report.matchedPods).toEqual([{ namespace: place.name, pod: 'pod-a' }]);
  });

  test('flags win over what the status says', async () => {
    const { report, exitCode } = await inspect('binding-a', '--trust-domain other.org --class-name spire');
    expect(exitCode).toBe(0);
    expect(report.identityConfig).toEqual({
      trustDomain: 'other.org',
      trustDomainSource: 'flag',
      clusterSPIFFEIDClassName: 'spire',
      clusterSPIFFEIDClassNameSource: 'flag',
    });
    expect(report.renderedIdentity.spiffeID).toMatch(/^spiffe:\/\/other\.org\//);
    expect(report.outputs?.[0]?.state).toBe('differs from what is rendered');
  });

  test('a binding that is not there ends with 3', async () => {
    expect(await findingsOf('missing')).toEqual({ said: ['error binding-not-found NotFound'], exitCode: 3 });
  });

  test('a pool that is not there is an error, which says what there is', async () => {
    await place.create(pool('embeddings'), poolBinding('astray', { poolRef: { name: 'pol-a' } }));
    const said = await place.refused('astray', 'InvalidRef', 'TargetPoolNotFound');
    const { report, exitCode } = await inspect('astray');
    expect(report.findings).toMatchObject([
      {
        severity: 'error',
        id: 'invalid-ref',
        reason: 'TargetPoolNotFound',
        message: `${said}; there are pool-a and embeddings`,
      },
    ]);
    expect(exitCode).toBe(2);
  });

  test('an output that drifts is shown, and no finding', async () => {
    const { report } = await inspect('binding-a', '--class-name other');
    expect(report.outputs).toMatchObject([{ state: 'differs from what is rendered' }]);
    expect(report.findings).toEqual([]);
  });

  test('nobody who matches is worth a word', async () => {
    await place.create(binding('lonely', { containerName: 'nobody' }));
    await place.ready('lonely');
    expect(await findingsOf('lonely')).toEqual({
      said: ['info zero-matched-pods ZeroMatchedPods'],
      exitCode: 0,
    });
  });

  test('pods that may not be read are a warning, and strict counts it', async () => {
    command.forbid((path) => path.includes('/pods'));
    expect(await findingsOf('binding-a')).toEqual({ said: ['warning rbac-limited Forbidden'], exitCode: 0 });
    expect((await inspect('binding-a', '--strict')).exitCode).toBe(2);
    command.forbid(undefined);
  });

  test('a collision is an error, with the peers', async () => {
    const other = await cluster.namespace();
    await other.create(pool(), objective(), binding('one'), binding('two'));
    await other.refused('one', 'Conflict', 'IdentityCollision');
    await other.refused('two', 'Conflict', 'IdentityCollision');
    const { output, exitCode } = await command.run(`inspect binding one -n ${other.name} -o json`);
    const report = JSON.parse(output) as InspectionReport;
    expect(report.findings[0]).toMatchObject({
      id: 'kleym-collision',
      severity: 'error',
      reason: 'IdentityCollision',
    });
    expect(report.peers).toMatchObject([{ name: 'two', reason: 'IdentityCollision' }]);
    expect(exitCode).toBe(2);
  });

  test('the text says no more of a pod than that it matches', async () => {
    const { output } = await command.run(`inspect binding binding-a -n ${place.name}`);
    for (const label of [
      'Identity:',
      'ClusterSPIFFEID:',
      'Conditions:',
      'Matched pods:',
      'Findings: none',
      'Exit code: 0',
    ])
      expect(output).toContain(`\n${label}\n`);
    expect(output).not.toMatch(/eligible|bound|issued|attested/i);
  });
});

describe('status', () => {
  test('bindings are counted by Ready, and one that failed ends it with 2', async () => {
    const other = await cluster.namespace();
    await other.create(
      pool(),
      objective(),
      binding(),
      poolBinding('astray', { poolRef: { name: 'nowhere' } }),
    );
    await other.ready('binding-a');
    await other.refused('astray', 'InvalidRef', 'TargetPoolNotFound');
    const { output, exitCode } = await command.run(`status -n ${other.name} -o json`);
    const report = JSON.parse(output) as StatusReport;
    expect(report.summary.bindings).toEqual({
      ok: 1,
      warning: 0,
      error: 1,
      total: 2,
      conditions: { ready: 1, conflict: 0, invalidRef: 1, unsafeSelector: 0, renderFailure: 0 },
    });
    expect(report.config).toEqual({
      trustDomain: 'kleym.sonda.red',
      clusterSPIFFEIDClassName: '',
      clusterSPIFFEIDClassNameKnown: true,
    });
    expect(exitCode).toBe(2);
  });
});

describe('exit codes', () => {
  test.each([
    ['inspect binding', 4],
    ['inspct', 4],
    ['status --request-timeout', 4],
    ['inspect binding a --trust-domain A/B', 4],
    ['--help', 0],
  ])('%s ends with %i', async (line, code) => {
    expect((await command.run(line)).exitCode).toBe(code);
  });
});
