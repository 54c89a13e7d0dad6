import { describe, expect, test } from 'vitest';
import { type Binding, bindingResource } from '../../shared/api/binding.ts';
import { outputResource } from '../../shared/api/cluster-spiffe-id.ts';
import { type ConditionType, conditionTypes } from '../../shared/api/condition-types.ts';
import { objectiveResources } from '../../shared/api/objective.ts';
import { poolResources } from '../../shared/api/pool.ts';
import { createBinding, perObjective } from '../../test/support/inference.ts';
import { plain } from '../terminal/paint.ts';
import type { KnativeService } from '../../shared/explain/status/knative-service.ts';
import { type StatusFacts, toStatusReport } from './status-report.ts';
import { toStatusText } from './status-text.ts';

const facts: StatusFacts = {
  generatedAt: '2026-01-02T03:04:05Z',
  cliVersion: '0.1.0',
  namespace: undefined,
  bindings: [],
  served: [bindingResource, outputResource, ...poolResources, ...objectiveResources],
  services: [],
  lacks: [],
};

function evaluated(
  name: string,
  status: 'True' | 'False' | 'Unknown',
  reason: string,
  { condition, trustDomain = 'example.org', className }: Said = {},
): Binding {
  const conditions = conditionTypes.map((type) => ({
    type,
    status: type === 'Ready' ? status : type === condition ? ('True' as const) : ('False' as const),
    reason,
    message: `because of ${reason}`,
    observedGeneration: 1,
    lastTransitionTime: '2026-01-01T00:00:00Z',
  }));
  const spiffeID = `spiffe://${trustDomain}/ns/default/objective/objective-a`;
  return {
    ...createBinding(perObjective, name),
    status: {
      conditions,
      trustDomain,
      ...(className !== undefined && { clusterSPIFFEIDClassName: className }),
      ...(status === 'True' && { computedSpiffeIDs: [{ mode: 'PerObjective', spiffeID }] }),
    },
  };
}

function service(name: string, status: string): KnativeService {
  return {
    metadata: { name, namespace: 'kleym-system' },
    spec: { template: { spec: { containers: [{ image: 'registry.example.org:5000/kleym:0.2.0' }] } } },
    status: { conditions: [{ type: 'Ready', status }] },
  };
}

interface Said {
  readonly condition?: ConditionType;
  readonly trustDomain?: string;
  readonly className?: string;
}

const fine = evaluated('fine', 'True', 'Reconciled');
const colliding = evaluated('colliding', 'False', 'IdentityCollision', { condition: 'Conflict' });
const waiting = evaluated('waiting', 'Unknown', 'Initializing');

describe('bindings are counted by Ready', () => {
  test('failures come first, then what is not settled', () => {
    const report = toStatusReport({
      ...facts,
      bindings: [fine, waiting, colliding, createBinding(perObjective, 'unseen')],
    });
    expect(report.bindings.map(({ name, result }) => `${name} ${result}`)).toEqual([
      'colliding ERROR',
      'unseen WARNING',
      'waiting WARNING',
      'fine OK',
    ]);
    expect(report.summary.bindings).toEqual({
      ok: 1,
      warning: 2,
      error: 1,
      total: 4,
      conditions: { ready: 1, conflict: 1, invalidRef: 0, unsafeSelector: 0, renderFailure: 0 },
    });
    expect(report.reasons).toEqual({ IdentityCollision: 1, NotEvaluated: 1, Initializing: 1, Reconciled: 1 });
    expect(report.status).toBe('ERROR');
    expect(report.findings).toEqual([
      {
        id: 'binding-unhealthy',
        severity: 'error',
        reason: 'IdentityCollision',
        message: 'because of IdentityCollision',
        affectedRefs: [
          {
            namespace: 'default',
            name: 'colliding',
            group: 'kleym.sonda.red',
            version: 'v1alpha1',
            kind: 'InferenceIdentityBinding',
          },
        ],
      },
    ]);
  });

  test('what is not settled is a warning, and all ready is OK', () => {
    expect(toStatusReport({ ...facts, bindings: [fine, waiting] }).status).toBe('WARNING');
    expect(toStatusReport({ ...facts, bindings: [fine] }).status).toBe('OK');
  });
});

describe('trust domain and class', () => {
  test('are those in which the bindings agree', () => {
    expect(toStatusReport({ ...facts, bindings: [fine, colliding] }).config).toEqual({
      trustDomain: 'example.org',
      clusterSPIFFEIDClassName: '',
      clusterSPIFFEIDClassNameKnown: true,
    });
    expect(toStatusReport(facts).config).toEqual({});
  });

  test('are mixed where they disagree, and the minority is named', () => {
    const other = evaluated('other', 'True', 'Reconciled', { trustDomain: 'other.org', className: 'spire' });
    const { config, findings, status } = toStatusReport({ ...facts, bindings: [fine, waiting, other] });
    expect(config).toMatchObject({ trustDomain: 'mixed', clusterSPIFFEIDClassName: 'mixed' });
    expect(status).toBe('WARNING');
    expect(findings).toMatchObject([
      {
        id: 'identity-config-mixed',
        severity: 'warning',
        message:
          'bindings were evaluated under different settings: trust domain example.org, no class (2), trust domain other.org, class spire (1); either two installations write here, or bindings wait for the next sweep',
        affectedRefs: [{ name: 'other' }],
      },
    ]);
  });
});

describe('a CRD that is not served is an error', () => {
  test.each([
    ['inferenceidentitybindings', 'InferenceIdentityBindingCRDMissing', 'kleymCRDs'],
    ['clusterspiffeids', 'ClusterSPIFFEIDCRDMissing', 'spireCRDs'],
    ['inferencepools', 'GAIECRDMissing', 'gaieCRDs'],
  ] as const)('%s: %s', (plural, reason, component) => {
    const served = facts.served.filter((kind) => kind.plural !== plural);
    const report = toStatusReport({ ...facts, served });
    expect(report.findings).toMatchObject([{ id: 'crd-missing', severity: 'error', reason }]);
    expect(report.components[component].status).toBe('ERROR');
  });
});

describe('the functions', () => {
  test('are available where all of them are', () => {
    const services = [service('reconcile', 'True'), service('sweep', 'True')];
    expect(toStatusReport({ ...facts, services }).components.operator).toEqual({
      status: 'OK',
      deployment: 'kleym-system',
      readyReplicas: 2,
      replicas: 2,
      version: '0.2.0',
    });
  });

  test('are not where one is not', () => {
    const services = [service('reconcile', 'True'), service('sweep', 'False')];
    expect(toStatusReport({ ...facts, services }).components.operator).toMatchObject({
      status: 'ERROR',
      readyReplicas: 1,
    });
  });

  test('are unknown where nobody may look', () => {
    expect(toStatusReport({ ...facts, services: undefined }).components.operator.status).toBe('unknown');
  });
});

test('the text has all of it, failures first', () => {
  const lacks = [{ verb: 'list', resource: 'services', group: 'serving.knative.dev' }] as const;
  const report = toStatusReport({ ...facts, bindings: [fine, colliding], services: undefined, lacks });
  expect(toStatusText(report, { width: undefined, paint: plain })).toBe(`Kleym
  CLI: 0.1.0
  Functions: unknown (not readable)
  Trust domain: example.org
  ClusterSPIFFEID class: classless

Bindings
  2 in all: 1 failed, 1 ready
  Conditions: Ready 1, Conflict 1, InvalidRef 0, UnsafeSelector 0, RenderFailure 0

Dependencies
  InferenceIdentityBinding: v1alpha1
  InferencePool: v1,v1alpha2
  InferenceObjective: v1alpha2,v1alpha2,v1
  ClusterSPIFFEID: v1alpha1

Findings
  warning: no permission to list services.serving.knative.dev: the report does without

BINDING             POOL     OBJECTIVE     READY   REASON              SPIFFE ID, OR WHY THERE IS NONE
default/colliding   pool-a   objective-a   False   IdentityCollision   because of IdentityCollision
default/fine        pool-a   objective-a   True    Reconciled          spiffe://example.org/ns/default/objective/objective-a
`);
});
