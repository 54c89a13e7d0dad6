import {
  type Binding,
  type BindingSpec,
  type BindingStatus,
  type Mode,
  toEffectiveMode,
} from '../api/binding.ts';
import { outputAnnotations, outputLabels } from '../api/cluster-spiffe-id.ts';
import type { NewOutput } from '../api/new-output.ts';
import { type Outcome, type Refused, done, refused } from '../api/outcome.ts';
import {
  type Slice,
  noKey,
  toCollisionKey,
  toKey,
  toKeyDigest,
  toKeyShape,
  toSlice,
} from './collision-key.ts';
import { toContentDigest } from './content.ts';
import { toLabelValue } from './label-value.ts';
import { toOutputName } from './output-name.ts';
import { managedBy, toHint } from './ownership.ts';
import { type PodLabels, narrowPods } from './pod-labels.ts';
import { resolveObjective, resolvePool } from './references.ts';
import type { Settings } from './settings.ts';
import type { Sources } from './sources.ts';
import { renderSpiffeId } from './spiffe-id.ts';
import { type Workload, parseWorkload } from './workload.ts';
import { renderWorkloadSelectors } from './workload-selectors.ts';

/** Everything that follows from a binding whose references, selectors and names are all in order. */
export interface Identity {
  readonly mode: Mode;
  readonly spiffeId: string;
  readonly selectors: readonly string[];
  /** The workload slice it claims; undefined where it claims none for itself alone. */
  readonly key: string | undefined;
  /** The same, as short as a label may be. */
  readonly keyDigest: string | undefined;
  /** Its shape, where overlaps are refused. */
  readonly keyShape: string | undefined;
  readonly output: NewOutput;
}

/** What a binding means in a namespace, and from which pool and objective that was taken. */
export interface Rendering {
  readonly outcome: Outcome<Identity>;
  readonly observed: NonNullable<BindingStatus['observed']>;
}

/** What a binding asks for, before anything is rendered from it. */
interface Resolved {
  readonly labels: PodLabels;
  readonly workload: Workload;
  readonly spiffeId: string;
}

/** Compiles a binding: references first, then the safety of its selectors, then what is rendered from them. */
export function renderIdentity(binding: Binding, sources: Sources, settings: Settings): Rendering {
  const { outcome, observed } = resolve(binding, sources, settings);
  if (outcome.kind === 'refused') return { outcome, observed };
  return { outcome: done(compose(binding, outcome.value, settings)), observed };
}

/** The key that a binding asks for, where it asks for one and can be rendered: as `renderIdentity` says it, for less. */
export function findKey(binding: Binding, sources: Sources, settings: Settings): string | undefined {
  const slice = findSlice(binding, sources, settings);
  return slice && toKey(slice);
}

/** What that key stands for. */
export function findSlice(binding: Binding, sources: Sources, settings: Settings): Slice | undefined {
  if (toEffectiveMode(binding.spec) === 'PoolOnly') return undefined;
  const { outcome } = resolve(binding, sources, settings);
  return outcome.kind === 'done' ? toSlice(outcome.value.labels, outcome.value.workload) : undefined;
}

function resolve(
  { spec, metadata }: Binding,
  sources: Sources,
  settings: Settings,
): { readonly outcome: Outcome<Resolved>; readonly observed: Rendering['observed'] } {
  if (spec.unreadable !== undefined) return { outcome: refuseSpec(spec.unreadable), observed: {} };
  const pool = resolvePool(spec.poolRef, metadata.namespace, sources);
  if (pool.kind === 'refused') return { outcome: pool, observed: {} };

  const observed = { pool: pool.value.observed };
  const check = () => checkSpec(spec, metadata.namespace, pool.value.labels, settings);
  if (!spec.objectiveRef) return { outcome: check(), observed };

  const objective = resolveObjective(spec.objectiveRef, pool.value, metadata.namespace, sources);
  if (objective.kind === 'refused') return { outcome: objective, observed };
  return { outcome: check(), observed: { ...observed, objective: objective.value } };
}

function checkSpec(
  spec: BindingSpec,
  namespace: string,
  labels: Outcome<PodLabels>,
  settings: Settings,
): Outcome<Resolved> {
  if (labels.kind === 'refused') return labels;
  const spiffeId = renderSpiffeId(settings.trustDomain, namespace, spec);
  if (spiffeId.kind === 'refused') return spiffeId;
  const workload = parseWorkload(spec);
  if (workload.kind === 'refused') return workload;
  const narrowed = narrowPods(labels.value, spec);
  if (narrowed.kind === 'refused') return narrowed;
  return done({ labels: narrowed.value, workload: workload.value, spiffeId: spiffeId.value });
}

function refuseSpec(words: string): Refused {
  return refused(
    'RenderFailure',
    'UnreadableSpec',
    `spec cannot be read (${words}): correct it, or run the version of kleym that knows it`,
  );
}

/** The name of a binding's output. It follows from the spec alone; undefined where the spec cannot be rendered. */
export function nameOutput(binding: Binding, settings: Settings): string | undefined {
  const { namespace, name } = binding.metadata;
  const spiffeId = renderSpiffeId(settings.trustDomain, namespace, binding.spec);
  if (spiffeId.kind === 'refused') return undefined;
  return toOutputName({ namespace, name, mode: toEffectiveMode(binding.spec), spiffeId: spiffeId.value });
}

function compose(binding: Binding, resolved: Resolved, settings: Settings): Identity {
  const { labels, workload, spiffeId } = resolved;
  const selectors = renderWorkloadSelectors(binding.metadata.namespace, labels, workload);
  const key = toCollisionKey(labels, workload);
  const keyDigest = key === undefined ? undefined : toKeyDigest(key);
  const slice = settings.overlapPolicy === 'refuse' ? toSlice(labels, workload) : undefined;
  const keyShape = slice && toKeyShape(slice);
  return {
    mode: toEffectiveMode(binding.spec),
    spiffeId,
    selectors,
    key,
    keyDigest,
    keyShape,
    output: renderOutput({ ...resolved, binding, selectors, keyDigest, keyShape, settings }),
  };
}

interface Parts extends Resolved {
  readonly binding: Binding;
  readonly selectors: readonly string[];
  readonly keyDigest: string | undefined;
  readonly keyShape: string | undefined;
  readonly settings: Settings;
}

function renderOutput(parts: Parts): NewOutput {
  const { namespace, name, uid } = parts.binding.metadata;
  const { className } = parts.settings;
  const mode = toEffectiveMode(parts.binding.spec);
  const output: NewOutput = {
    metadata: {
      name: toOutputName({ namespace, name, mode, spiffeId: parts.spiffeId }),
      labels: {
        [outputLabels.managedBy]: managedBy,
        [outputLabels.bindingName]: toLabelValue(name),
        [outputLabels.bindingNamespace]: namespace,
        [outputLabels.serviceAccount]: toLabelValue(parts.workload.serviceAccountName),
        [outputLabels.key]: parts.keyDigest ?? noKey,
        ...(parts.keyShape !== undefined && { [outputLabels.keyShape]: parts.keyShape }),
        ...(className !== undefined && { [outputLabels.className]: className }),
      },
      annotations: { [outputAnnotations.bindingUid]: uid, [outputAnnotations.bindingName]: name },
    },
    spec: {
      spiffeIDTemplate: parts.spiffeId,
      podSelector: { matchLabels: parts.labels },
      // Without it SPIRE Controller Manager renders entries for pods of other namespaces that carry the same labels,
      // and takes their fallback identities away.
      ...(parts.settings.namespaceSelector && {
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
      }),
      workloadSelectorTemplates: [...parts.selectors],
      ...(className !== undefined && { className }),
      fallback: false,
      hint: toHint(namespace, name),
    },
  };
  const annotations = {
    ...output.metadata.annotations,
    [outputAnnotations.content]: toContentDigest(output),
  };
  return { ...output, metadata: { ...output.metadata, annotations } };
}
