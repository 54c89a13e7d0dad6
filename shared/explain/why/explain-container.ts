import type { ControllerManagerConfig } from '../spire/controller-manager.ts';
import { handlesClass, ignoresNamespace } from '../spire/controller-manager.ts';
import { parseStatistics } from '../spire/statistics.ts';
import { type Check, matchSelectors, toCheckWords } from '../workloads/match-selectors.ts';
import { type Pod, type RunningContainer, isDescribed } from '../workloads/pod.ts';
import { adviseOn } from './advice.ts';
import type { BindingView } from './binding-view.ts';

/** `ownLabel`: a pod label that the binding names and its pool does not. */
type SelectorStep = Check['kind'] | 'ownLabel';

/** One thing that must hold before a container has an identity. */
export interface Step {
  readonly holds: boolean;
  readonly words: string;
  /** What to change where it does not hold. */
  readonly advice?: string;
  readonly kind: SelectorStep | 'pod' | 'binding' | 'output' | 'class' | 'spire';
}

/** One container, held against one binding. */
export interface Explanation {
  readonly binding: string;
  readonly namespace: string;
  readonly container: string;
  readonly spiffeID?: string;
  readonly hint: string;
  readonly mode: string;
  readonly steps: readonly Step[];
}

/** Everything between a container and the identity of a binding. */
export function explainContainer(
  view: BindingView,
  pod: Pod,
  container: RunningContainer,
  controllerManager: ControllerManagerConfig | undefined,
): Explanation {
  const checks = matchSelectors(view.selectors, pod, container);
  return {
    binding: view.name,
    namespace: view.namespace,
    container: container.name,
    ...(view.spiffeId !== undefined && { spiffeID: view.spiffeId }),
    hint: view.hint,
    mode: view.mode,
    steps: [
      ...checks.map((check) => toSelectorStep(check, view, container)),
      ...toBindingSteps(view),
      ...toClassSteps(view, controllerManager),
      ...toTrustDomainSteps(view, controllerManager),
      ...(isDescribed(pod) ? [] : [toScheduledStep(pod)]),
      ...toSpireSteps(view, pod, controllerManager),
    ],
  };
}

/** What does not hold. */
export function failuresOf({ steps }: Pick<Explanation, 'steps'>): readonly Step[] {
  return steps.filter(({ holds }) => !holds);
}

/** What may be wrong although the container has everything that the binding asks for. */
const besideSelectors: ReadonlySet<Step['kind']> = new Set(['pod', 'binding', 'output', 'class', 'spire']);

/**
 * How many things are between the container and the identity. Another namespace counts for most. A label
 * that differs counts for more than another fault: its labels say of which pool a pod is, while service accounts and
 * container names are often the same in all of a namespace. So does a pool that is not there: nobody knows for whom it was.
 * Nearest is the binding that asks for this container, and has no identity to give.
 */
export function distanceOf(explanation: Explanation): number {
  const failures = failuresOf(explanation);
  const isElsewhere = failures.some(({ kind }) => kind === 'namespace');
  const isVague = !explanation.steps.some(({ kind }) => kind === 'podLabel');
  const isOfOthers = failures.some(({ kind }) => kind === 'podLabel');
  const isMeant = !isVague && failures.every(({ kind }) => besideSelectors.has(kind));
  return (
    failures.length +
    (isElsewhere ? 2 : 0) +
    (isVague ? 1.5 : 0) +
    (isOfOthers ? 1.25 : 0) -
    (isMeant ? 1.5 : 0)
  );
}

function toSelectorStep(check: Check, view: BindingView, { images }: RunningContainer): Step {
  const isOwn = check.key !== undefined && view.ownLabels.includes(check.key);
  const kind: SelectorStep = isOwn ? 'ownLabel' : check.kind;
  const step = { holds: check.matches, words: toCheckWords(check), kind };
  return check.matches ? step : { ...step, advice: adviseOnSelector({ ...check, kind }, view, images) };
}

function adviseOnSelector(
  { kind, key, wanted, found }: Omit<Check, 'kind'> & { readonly kind: SelectorStep },
  view: BindingView,
  images: readonly string[],
): string {
  switch (kind) {
    case 'podLabel':
      return `label the pod ${key}=${wanted} (in the template that makes it)`;
    case 'ownLabel':
      return `label the pod ${key}=${wanted} (in the template that makes it)${found ? `, or make a binding with ${key}: ${found} in spec.podLabels` : ''}`;
    case 'serviceAccount':
      return `run the pod under service account ${wanted}, or set spec.serviceAccountName of binding ${view.name} to ${found}`;
    case 'container':
      return `call the container ${wanted}, or set spec.containerName of binding ${view.name} to ${found}`;
    case 'image':
      return adviseOnImage(view, images);
    case 'namespace':
      return `run the pod in namespace ${wanted}, or make a binding (with pool and objective) in namespace ${found}`;
    case 'unknown':
      return 'see docs/api.md';
  }
}

function adviseOnImage({ name }: BindingView, images: readonly string[]): string {
  const reported = images.find((image) => image.includes('@sha256:'));
  return reported === undefined
    ? 'wait until the node reports the image by its digest; where it never does, use spec.containerName'
    : `set spec.containerImage of binding ${name} to ${reported}, which is what the node reports`;
}

function toBindingSteps({ refused, ready, output, name }: BindingView): Step[] {
  if (refused) {
    const words = `binding ${name} has no identity to give: ${refused.reason}: ${refused.message}`;
    return [{ holds: false, words, advice: adviseOn(refused.reason), kind: 'binding' }];
  }
  if (ready && ready.status !== 'True') {
    const words = `binding ${name} is not ready: ${ready.reason}: ${ready.message}`;
    return [{ holds: false, words, advice: adviseOn(ready.reason), kind: 'binding' }];
  }
  if (!ready) {
    const advice = 'wait some seconds; if it stays, "kubectl kleym doctor" tells whether the functions run';
    return [
      { holds: false, words: `no function has looked at binding ${name} yet`, advice, kind: 'binding' },
    ];
  }
  const holds: Step = { holds: true, words: `binding ${name} is ready`, kind: 'binding' };
  return output === undefined ? [holds] : [holds, toOutputStep(output, name)];
}

function toOutputStep(output: Exclude<BindingView['output'], undefined>, name: string): Step {
  const advice = 'wait for the next sweep; "kubectl kleym doctor" tells whether it runs';
  if (output === 'absent')
    return {
      holds: false,
      words: `the ClusterSPIFFEID of binding ${name} is not there`,
      advice,
      kind: 'output',
    };
  const title = `ClusterSPIFFEID ${output.output.metadata.name}`;
  if (output.isAsRendered) return { holds: true, words: `${title} is as rendered`, kind: 'output' };
  return {
    holds: false,
    words: `${title} differs from what binding ${name} renders`,
    advice,
    kind: 'output',
  };
}

function toClassSteps(
  { className, namespace }: BindingView,
  config: ControllerManagerConfig | undefined,
): Step[] {
  if (!config) return [];
  const ours = className === undefined ? 'no class' : `class "${className}"`;
  const theirs = config.className ? `only on class "${config.className}"` : 'only on outputs without a class';
  const wanted = config.className ?? '';
  const isHandled = handlesClass(config, className);
  const steps: Step[] = [
    {
      holds: isHandled,
      words: isHandled
        ? `SPIRE Controller Manager acts on ${ours}`
        : `the ClusterSPIFFEID has ${ours}, SPIRE Controller Manager acts ${theirs}`,
      ...(!isHandled && { advice: `set KLEYM_CLUSTERSPIFFEID_CLASS_NAME of the functions to "${wanted}"` }),
      kind: 'class',
    },
  ];
  if (!ignoresNamespace(config, namespace)) return steps;
  const words = `SPIRE Controller Manager ignores namespace ${namespace}`;
  return [...steps, { holds: false, words, advice: 'take it out of its ignoreNamespaces', kind: 'class' }];
}

function toScheduledStep({ spec }: Pod): Step {
  if (spec.nodeName) return { holds: true, words: `the pod runs on node ${spec.nodeName}`, kind: 'pod' };
  return {
    holds: false,
    words: 'the pod is not scheduled to a node',
    advice: '"kubectl describe pod" says what it waits for',
    kind: 'pod',
  };
}

/** Of a SPIFFE ID in another trust domain SPIRE Controller Manager makes no entry. */
function toTrustDomainSteps({ spiffeId }: BindingView, config: ControllerManagerConfig | undefined): Step[] {
  const theirs = config?.trustDomain;
  const ours = spiffeId?.split('/')[2];
  if (theirs === undefined || ours === undefined || ours === theirs) return [];
  const words = `the SPIFFE ID is of trust domain ${ours}, SPIRE Controller Manager has ${theirs}`;
  const advice = `set KLEYM_TRUST_DOMAIN of the functions to ${theirs}`;
  return [{ holds: false, words, advice, kind: 'class' }];
}

/** What SPIRE Controller Manager counts is about all pods of the binding, so it is said only where it tells of trouble. */
function toSpireSteps(
  { output }: BindingView,
  { spec }: Pod,
  config: ControllerManagerConfig | undefined,
): Step[] {
  if (output === undefined || output === 'absent') return [];
  const { name } = output.output.metadata;
  const {
    entryFailures = 0,
    podEntryRenderFailures = 0,
    podsSelected = 0,
  } = parseStatistics(output.output) ?? {};
  // A pod that is not scheduled fails, too. Where all fail, one that is scheduled is among them.
  const failsForAll = podsSelected > 0 && podEntryRenderFailures >= podsSelected && Boolean(spec.nodeName);
  return [
    ...(failsForAll && config?.trustDomain === undefined
      ? [
          {
            holds: false,
            words: `SPIRE Controller Manager can make no entry of ${name} for any of its ${podsSelected} pods`,
            advice: 'compare KLEYM_TRUST_DOMAIN with the trust domain of SPIRE; its log says more',
            kind: 'spire',
          } as const,
        ]
      : []),
    ...(entryFailures > 0
      ? [
          {
            holds: false,
            words: `SPIRE refused ${entryFailures} entries of ${name}`,
            advice: `look for ${name} in the log of SPIRE Controller Manager`,
            kind: 'spire',
          } as const,
        ]
      : []),
  ];
}
