import { describe, expect, test } from 'vitest';
import { type Binding, bindingFinalizer, bindingResource } from '../../shared/api/binding.ts';
import type { BindingSpec } from '../../shared/api/binding.ts';
import { outputResource } from '../../shared/api/cluster-spiffe-id.ts';
import { toClock } from '../../shared/collect/clock.ts';
import { renderIdentity } from '../../shared/identity/render-identity.ts';
import {
  createBinding,
  createObjective,
  createPool,
  createSources,
  perObjective,
  poolOnly,
} from '../../test/support/inference.ts';
import { createPod } from '../../test/support/pods.ts';
import { resolveSettings } from '../settings/resolve-settings.ts';
import { plain } from '../terminal/paint.ts';
import { type InspectionFacts, toInspectionReport } from '../../shared/explain/inspect/inspection-report.ts';
import { toInspectionText } from './inspection-text.ts';

const creating = {
  kind: 'creating',
  name: 'kleym-default-binding-a-objective-046c582e',
  serviceAccountName: 'inference-sa',
  nonce: 'n',
  at: '2026-01-02T12:01:10Z',
} as const;

function createFacts(binding: Binding, more: Partial<InspectionFacts> = {}): InspectionFacts {
  return {
    generatedAt: '2026-01-02T03:04:05Z',
    resolved: resolveSettings({}, { trustDomain: 'example.org' }),
    binding,
    snapshot: {
      namespace: 'default',
      bindings: new Map([[binding.metadata.name, binding]]),
      outputs: [],
      sources: createSources(),
      clock: toClock('2026-01-02T12:01:40Z'),
    },
    served: [bindingResource, outputResource],
    pods: [createPod()],
    events: [],
    lacks: [],
    ...more,
  };
}

function findingsOf(spec: BindingSpec, more: Partial<InspectionFacts> = {}): string[] {
  const { findings } = toInspectionReport(createFacts(createBinding(spec), more));
  return findings.map(({ id, severity, reason }) => `${severity} ${id} ${reason}`);
}

describe('what keeps an identity from being rendered is an error', () => {
  test.each([
    [{ ...poolOnly, serviceAccountName: 'bad_account' }, 'error render-failure InvalidServiceAccountName'],
    [{ ...poolOnly, poolRef: { name: 'other' } }, 'error invalid-ref TargetPoolNotFound'],
    [{ ...perObjective, objectiveRef: { name: 'other' } }, 'error invalid-ref TargetObjectiveNotFound'],
    [{ ...perObjective, containerName: 'Main' }, 'error render-failure InvalidContainerName'],
    [{ ...perObjective, podLabels: { app: 'other' } }, 'error render-failure InvalidPodLabels'],
  ] as const)('%j', (spec, finding) => {
    expect(findingsOf(spec)).toEqual([finding]);
  });

  test('a selector that is unsafe', () => {
    const { snapshot } = createFacts(createBinding(poolOnly));
    const sources = createSources(createPool({ matchLabels: { app: '' } }));
    expect(findingsOf(poolOnly, { snapshot: { ...snapshot, sources } })).toEqual([
      'error unsafe-selector InvalidPoolSelector',
    ]);
  });

  test('a definition that is not installed', () => {
    const { snapshot } = createFacts(createBinding(poolOnly));
    const sources = { pools: {}, objectives: {} };
    expect(findingsOf(poolOnly, { snapshot: { ...snapshot, sources } })).toEqual([
      'error dependency-missing InferencePoolCRDMissing',
    ]);
  });
});

describe('what may not be read is said, and nothing is concluded from it', () => {
  test('outputs: neither what is there nor what comes next', () => {
    const lacks = [{ verb: 'list', resource: 'clusterspiffeids', group: 'spire.spiffe.io' }] as const;
    const report = toInspectionReport(createFacts(createBinding(perObjective), { lacks }));
    expect(report).not.toHaveProperty('outputs');
    expect(report).not.toHaveProperty('nextStep');
    expect(report.peers).toEqual([]);
    expect(report.findings).toMatchObject([
      { severity: 'warning', message: 'no permission to list clusterspiffeids.spire.spiffe.io' },
    ]);
  });

  test('pools: not that they are not there', () => {
    const permission = {
      verb: 'get',
      resource: 'inferencepools',
      group: 'inference.networking.k8s.io',
    } as const;
    const { snapshot } = createFacts(createBinding(poolOnly));
    const sources = createSources(createPool(undefined, 'other'), createObjective());
    expect(findingsOf(poolOnly, { lacks: [permission], snapshot: { ...snapshot, sources } })).toEqual([
      'error rbac-limited Forbidden',
    ]);
  });
});

describe('settings that no binding says', () => {
  test.each([
    [{}, 'defaults'],
    [{ 'trust-domain': 'example.org' }, 'flags and defaults'],
    [{ 'trust-domain': 'example.org', 'class-name': '' }, 'flags'],
  ])('%j: %s are used, with a warning', (flags, used) => {
    const resolved = resolveSettings(flags, undefined);
    const { findings } = toInspectionReport(createFacts(createBinding(perObjective), { resolved }));
    expect(findings).toMatchObject([
      {
        id: 'identity-config-undiscovered',
        severity: 'warning',
        message: expect.stringContaining(`: ${used} are used`),
      },
    ]);
  });
});

test('a binding that waits for another one says until when', () => {
  const plainBinding = createBinding(perObjective);
  const binding = { ...plainBinding, metadata: { ...plainBinding.metadata, finalizers: [bindingFinalizer] } };
  const { snapshot, resolved } = createFacts(binding);
  const { outcome } = renderIdentity(binding, snapshot.sources, resolved.settings);
  const key = outcome.kind === 'done' ? outcome.value.key : undefined;
  const rival: Binding = {
    ...createBinding({ ...perObjective, containerName: 'other' }, 'binding-b'),
    status: { claim: { ...creating, name: 'kleym-x', ...(key !== undefined && { key }) } },
  };
  const bindings = new Map([binding, rival].map((one) => [one.metadata.name, one]));
  const facts = createFacts(binding, { snapshot: { ...snapshot, bindings } });
  expect(toInspectionReport(facts).nextStep).toBe(
    'say in the status that it waits: binding binding-b still holds the same pods, service account and container (row 8); binding binding-b: a create of ClusterSPIFFEID kleym-x may still land until 12:03:10 UTC',
  );
});

test('of pod labels it says which the pool names and which the binding', () => {
  const podLabels = { app: 'model-server', 'llm-d.ai/role': 'prefill' };
  const { resolvedInput, renderedIdentity } = toInspectionReport(
    createFacts(createBinding({ ...poolOnly, podLabels })),
  );
  expect(resolvedInput).toMatchObject({ podLabels, poolSelector: { matchLabels: { app: 'model-server' } } });
  expect(renderedIdentity).toMatchObject({
    podSelector: { matchLabels: podLabels },
    selectorProvenance: {
      poolDerivedSelectors: ['k8s:pod-label:app:model-server'],
      bindingDerivedSelectors: ['k8s:pod-label:llm-d.ai/role:prefill'],
    },
  });
});

test('without pod labels of its own a report is as it was', () => {
  const { resolvedInput } = toInspectionReport(createFacts(createBinding(poolOnly)));
  expect(resolvedInput).not.toHaveProperty('podLabels');
  expect(resolvedInput.poolSelector).toEqual({ matchLabels: { app: 'model-server' } });
  expect(resolvedInput.selectorProvenance).not.toHaveProperty('bindingDerivedSelectors');
});

test('the text tells what may still happen, and what comes next', () => {
  const binding: Binding = {
    ...createBinding(perObjective),
    status: {
      claim: creating,
    },
  };
  const report = toInspectionReport(createFacts(binding));
  expect(toInspectionText(report, 0, { width: undefined, paint: plain })).toBe(`Binding: default/binding-a
Source: InferencePool default/pool-a
  InferencePool in inference.networking.k8s.io: found
  InferencePool in inference.networking.x-k8s.io: not served
  InferenceObjective in llm-d.ai: found
  InferenceObjective in inference.networking.x-k8s.io: not served
  InferenceObjective in inference.networking.k8s.io: not served

Identity:
  SPIFFE ID: spiffe://example.org/ns/default/objective/objective-a
  Selectors:
    k8s:container-name:main
    k8s:ns:default
    k8s:pod-label:app:model-server
    k8s:sa:inference-sa

ClusterSPIFFEID:
  Name: kleym-default-binding-a-objective-046c582e
  ClassName: (none)
  Hint: default/binding-a
  In the cluster: none

Conditions:
  none

Claim: a create of ClusterSPIFFEID kleym-default-binding-a-objective-046c582e may still land until 12:03:10 UTC
Peers: none
Next step of reconcile: write the finalizers of the binding (row 5)

Matched pods:
  default/pod-a container=main

Findings: none
Exit code: 0
`);
});
