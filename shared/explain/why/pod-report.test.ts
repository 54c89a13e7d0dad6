import { describe, expect, test } from 'vitest';
import type { Binding } from '../../api/binding.ts';
import { Output } from '../../api/cluster-spiffe-id.ts';
import { toClock } from '../../collect/clock.ts';
import type { Sources } from '../../identity/sources.ts';
import { renderIdentity } from '../../identity/render-identity.ts';
import {
  createBinding,
  createPool,
  createSources,
  exampleSettings,
  perObjective,
  poolOnly,
  serve,
} from '../../../test/support/inference.ts';
import { output } from '../../../test/support/manifests.ts';
import { type PodTraits, createPod } from '../../../test/support/pods.ts';
import type { Statistics } from '../spire/statistics.ts';
import { type BindingView, toBindingViews } from './binding-view.ts';
import { type PodFacts, type PodReport, toPodReport } from './pod-report.ts';

function ready(binding: Binding): Binding {
  const condition = { type: 'Ready' as const, status: 'True' as const, reason: 'Reconciled', message: '' };
  const conditions = [{ ...condition, observedGeneration: 1, lastTransitionTime: '' }];
  return { ...binding, status: { conditions } };
}

function explain(
  bindings: readonly Binding[],
  traits: PodTraits = {},
  more: Partial<PodFacts> = {},
  stats?: Statistics,
  sources: Sources = createSources(),
): PodReport {
  return toPodReport({
    pod: createPod(traits),
    container: undefined,
    bindings: viewsOf(bindings, stats, sources),
    outputs: [],
    namespaceLabels: { team: 'a' },
    controllerManager: undefined,
    lacks: [],
    ...more,
  });
}

function viewsOf(
  bindings: readonly Binding[],
  stats?: Statistics,
  sources: Sources = createSources(),
): readonly BindingView[] {
  const snapshot = {
    namespace: 'default',
    bindings: new Map(bindings.map((binding) => [binding.metadata.name, binding])),
    outputs: stats ? bindings.map((binding) => toStored(binding, stats)) : [],
    sources,
    clock: toClock('2026-01-01T00:00:00Z'),
  };
  return toBindingViews(snapshot, exampleSettings, stats !== undefined);
}

/** The output of a binding as it is rendered, with what SPIRE Controller Manager counts of it. */
function toStored(binding: Binding, stats: Statistics): Output {
  const { outcome } = renderIdentity(binding, createSources(), exampleSettings);
  if (outcome.kind !== 'done') throw new Error('expected an identity');
  const { metadata, ...rest } = outcome.value.output;
  return Output.parse({
    ...rest,
    metadata: { ...metadata, uid: 'u', resourceVersion: '1' },
    status: { stats },
  });
}

const chat = ready(createBinding(perObjective, 'chat'));

describe('the nearest miss comes first', () => {
  test('what fails least', () => {
    const other = ready(
      createBinding({ ...perObjective, containerName: 'other', serviceAccountName: 'x' }, 'a'),
    );
    const { containers } = explain([other, chat], { containers: ['mian'] });
    expect(containers[0]?.misses.map(({ binding }) => binding)).toEqual(['chat', 'a']);
  });

  test('a binding whose pool is not there is nobody’s nearest', () => {
    const astray = createBinding({ ...poolOnly, poolRef: { name: 'nowhere' } }, 'astray');
    const { summary, containers } = explain([astray, chat], { labels: { app: 'model-sever' } });
    expect(summary).toContain('nearest is chat: label app "model-sever" ≠ "model-server"');
    expect(containers[0]?.misses.map(({ binding }) => binding)).toEqual(['chat', 'astray']);
  });

  test('the binding whose pool has the pod, although another one differs by no more than a label', () => {
    const stranger = ready(createBinding({ ...perObjective, serviceAccountName: 'x' }, 'a'));
    const own = ready(createBinding({ ...poolOnly, poolRef: { name: 'other' } }, 'own'));
    const group = 'inference.networking.k8s.io';
    const pools = serve(createPool(), createPool({ matchLabels: { app: 'other' } }, 'other'));
    const sources = { ...createSources(), pools: { ...createSources().pools, [group]: pools } };
    const traits = { labels: { app: 'other' }, serviceAccountName: 'x' };
    const { summary } = explain([stranger, own], traits, {}, undefined, sources);
    expect(summary).toContain('nearest is own: service account "x" ≠ "inference-sa"');
  });

  test('the binding of the pod, with two faults, although one of another namespace has no other fault', () => {
    const [view] = viewsOf([chat]);
    const selectors = ['k8s:ns:elsewhere', 'k8s:pod-label:app:model-server'];
    const away = view && { ...view, namespace: 'elsewhere', selectors };
    const bindings = view && away ? [view, away] : [];
    const pod = createPod({ serviceAccountName: 'x', containers: ['mian'] });
    const { summary } = explain([], {}, { pod, bindings });
    expect(summary).toContain('nearest is chat: container name');
  });

  test('the binding that asks for just this container, although it is refused and others only have other containers', () => {
    const refused = createBinding({ ...perObjective, objectiveRef: { name: 'nowhere' } }, 'z');
    const others = ['maim', 'mair'].map((containerName) =>
      ready(createBinding({ ...perObjective, containerName }, containerName)),
    );
    const { summary } = explain([...others, refused]);
    expect(summary).toContain('nearest is z: binding z has no identity to give: TargetObjectiveNotFound');
  });

  test('of several faults the first is told, and how many others there are', () => {
    const { summary } = explain([chat], { serviceAccountName: 'x', nodeName: null });
    expect(summary).toContain('service account "x" ≠ "inference-sa" (and 1 more below). To change it: run');
  });
});

describe('of bindings that mean some pods of one pool', () => {
  const role = 'llm-d.ai/role';
  const [prefill, decode] = ['prefill', 'decode'].map((value) =>
    ready(createBinding({ ...perObjective, podLabels: { [role]: value } }, value)),
  );
  const both = [prefill, decode].flatMap((one) => one ?? []);
  const ofPool = { app: 'model-server' };

  test('the one whose labels the pod has is its own', () => {
    const { summary } = explain(both, { labels: { ...ofPool, [role]: 'decode' } });
    expect(summary).toContain('matches binding decode');
  });

  test('none is another pool’s: a label of the binding is no more than another fault', () => {
    const stranger = ready(createBinding({ ...poolOnly, poolRef: { name: 'other' } }, 'a'));
    const group = 'inference.networking.k8s.io';
    const pools = serve(createPool(), createPool({ matchLabels: { app: 'other' } }, 'other'));
    const sources = { ...createSources(), pools: { ...createSources().pools, [group]: pools } };
    const traits = { labels: { ...ofPool, [role]: 'draft' } };
    const { summary } = explain([stranger, ...both], traits, {}, undefined, sources);
    expect(summary).toContain(
      'nearest is decode: label llm-d.ai/role "draft" ≠ "decode". To change it: label the pod llm-d.ai/role=decode (in the template that makes it), or make a binding with llm-d.ai/role: draft in spec.podLabels',
    );
  });

  test('a pod without the label is told to take it', () => {
    const { summary } = explain(both, { labels: ofPool });
    expect(summary).toMatch(
      /nearest is decode: label llm-d\.ai\/role is missing, wanted "decode"\. To change it: label the pod llm-d\.ai\/role=decode \(in the template that makes it\)$/,
    );
  });

  test('one that contradicts its pool is the nearest of a pod of this pool, and says so', () => {
    const astray = createBinding({ ...perObjective, podLabels: { app: 'other', [role]: 'x' } }, 'astray');
    const { containers, summary } = explain([astray], { labels: { ...ofPool, [role]: 'x' } });
    expect(summary).toContain('nearest is astray: binding astray has no identity to give: InvalidPodLabels');
    expect(containers[0]?.misses[0]?.steps.filter(({ holds }) => holds)).toMatchObject([
      { words: 'container name "main"' },
      { words: 'namespace "default"' },
      { words: 'label app "model-server"', kind: 'podLabel' },
      { words: 'label llm-d.ai/role "x"', kind: 'ownLabel' },
      { words: 'service account "inference-sa"' },
      { words: 'the pod runs on node node-1' },
    ]);
  });
});

describe('what keeps SPIRE Controller Manager from making the entry of a pod that matches', () => {
  const kind = 'ControllerManagerConfig';
  const trustDomain = exampleSettings.trustDomain;

  test('another trust domain', () => {
    const { summary } = explain([chat], {}, { controllerManager: { kind, trustDomain: 'other.org' } });
    expect(summary).toContain(
      `nearest is chat: the SPIFFE ID is of trust domain ${trustDomain}, SPIRE Controller Manager has other.org. To change it: set KLEYM_TRUST_DOMAIN of the functions to other.org`,
    );
  });

  test('the same trust domain keeps nothing', () => {
    const { summary } = explain([chat], {}, { controllerManager: { kind, trustDomain } });
    expect(summary).toContain('matches binding chat');
  });

  test('where its configuration is not known, that it could make the entry of none of the pods', () => {
    const { summary } = explain([chat], {}, {}, { podsSelected: 2, podEntryRenderFailures: 2 });
    expect(summary).toMatch(
      /nearest is chat: SPIRE Controller Manager can make no entry of \S+ for any of its 2 pods\. To change it: compare/,
    );
  });

  test('an entry that it could not make of another pod keeps nothing', () => {
    const { summary } = explain([chat], {}, {}, { podsSelected: 2, podEntryRenderFailures: 1 });
    expect(summary).toContain('matches binding chat');
  });

  test('a pod that is not scheduled is told that, and no more', () => {
    const { summary } = explain(
      [chat],
      { nodeName: null },
      {},
      { podsSelected: 1, podEntryRenderFailures: 1 },
    );
    expect(summary).toContain('nearest is chat: the pod is not scheduled to a node. To change it');
  });
});

test('where there is no binding at all that is the reason', () => {
  expect(explain([]).summary).toBe(
    'pod default/pod-a matches no binding: there is none in namespace default; create a binding for its pool',
  );
});

describe('ClusterSPIFFEIDs of others', () => {
  test('are listed where they select the pod and its namespace', () => {
    const outputs = [
      parse('default', { fallback: true, podSelector: undefined }),
      parse('same-labels', { podSelector: { matchLabels: { app: 'model-server' } } }),
      parse('other-labels', { podSelector: { matchLabels: { app: 'x' } } }),
      parse('other-namespaces', { namespaceSelector: { matchLabels: { team: 'b' } } }),
    ];
    const { otherClusterSPIFFEIDs } = explain([chat], {}, { outputs });
    expect(otherClusterSPIFFEIDs.map(({ name, fallback }) => [name, fallback])).toEqual([
      ['default', true],
      ['same-labels', false],
    ]);
  });

  test('of a class that SPIRE Controller Manager does not act on are left out', () => {
    const outputs = [parse('classless', {}), parse('classed', { className: 'spire' })];
    const controllerManager = { kind: 'ControllerManagerConfig', className: 'spire' } as const;
    const { otherClusterSPIFFEIDs } = explain([chat], {}, { outputs, controllerManager });
    expect(otherClusterSPIFFEIDs.map(({ name }) => name)).toEqual(['classed']);
  });
});

test('a pod that has ended is told so', () => {
  const pod = createPod();
  const { notes } = explain([chat], {}, { pod: { ...pod, status: { phase: 'Succeeded' } } });
  expect(notes[0]).toBe('the pod has ended (Succeeded): nobody asks any more');
});

function parse(name: string, spec: object): Output {
  return Output.parse({ ...output(name, spec), metadata: { name, uid: 'u', resourceVersion: '1' } });
}
