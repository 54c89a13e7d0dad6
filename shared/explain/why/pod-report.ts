import { z } from 'zod';
import type { Output } from '../../api/cluster-spiffe-id.ts';
import { compareText } from '../../identity/canonical.ts';
import { parseOwner } from '../../identity/ownership.ts';
import { suggest } from '../../text/suggest.ts';
import { type Permission, toPermissionWords } from '../kube/permissions.ts';
import { type ControllerManagerConfig, handlesClass } from '../spire/controller-manager.ts';
import { selectsLabels } from '../spire/label-selector.ts';
import { type Pod, listContainers, toPodTitle } from '../workloads/pod.ts';
import type { BindingView } from './binding-view.ts';
import { type Explanation, distanceOf, explainContainer, failuresOf } from './explain-container.ts';

/** What was read of a pod and of all that may concern it. */
export interface PodFacts {
  readonly pod: Pod;
  /** Only this container. */
  readonly container: string | undefined;
  /** Those of its namespace, and those of others where they were read. */
  readonly bindings: readonly BindingView[];
  /** Every ClusterSPIFFEID; undefined: they could not be read. */
  readonly outputs: readonly Output[] | undefined;
  readonly namespaceLabels: Readonly<Record<string, string>>;
  /** Undefined: it was not found, or may not be read. */
  readonly controllerManager: ControllerManagerConfig | undefined;
  readonly lacks: readonly Permission[];
}

/** Which identities a pod's containers match, and which they nearly match. */
export interface PodReport {
  readonly schemaVersion: 'v1alpha1';
  readonly kind: 'PodIdentityReport';
  readonly pod: { readonly namespace: string; readonly name: string };
  /** The answer in a line, and what to change. */
  readonly summary: string;
  readonly containers: readonly ContainerReport[];
  readonly otherClusterSPIFFEIDs: readonly OtherOutput[];
  readonly notes: readonly string[];
}

export interface ContainerReport {
  readonly name: string;
  readonly isInit: boolean;
  /** Those of which everything holds. */
  readonly matches: readonly Explanation[];
  /** The others, the nearest first. */
  readonly misses: readonly Explanation[];
}

interface OtherOutput {
  readonly name: string;
  readonly spiffeIDTemplate: string;
  readonly fallback: boolean;
}

/** Explains a pod. */
export function toPodReport(facts: PodFacts): PodReport {
  const { pod, container: only } = facts;
  const { namespace, name } = pod.metadata;
  const containers = listContainers(pod)
    .filter((container) => only === undefined || container.name === only)
    .map((container): ContainerReport => {
      const all = facts.bindings
        .map((view) => explainContainer(view, pod, container, facts.controllerManager))
        // Of other namespaces only what nothing else keeps away is worth a word.
        .filter((one) => one.namespace === namespace || failuresOf(one).length === 1);
      return {
        name: container.name,
        isInit: container.isInit,
        matches: all.filter((one) => failuresOf(one).length === 0),
        misses: all.filter((one) => failuresOf(one).length > 0).toSorted(byDistance),
      };
    });
  return {
    schemaVersion: 'v1alpha1',
    kind: 'PodIdentityReport',
    pod: { namespace, name },
    summary: toSummary(facts, containers),
    containers,
    otherClusterSPIFFEIDs: findOthers(facts),
    notes: toNotes(facts),
  };
}

function byDistance(a: Explanation, b: Explanation): number {
  return distanceOf(a) - distanceOf(b) || likeness(b) - likeness(a) || compareText(a.binding, b.binding);
}

/** Of two containers with other names, the one that was mistyped is meant. */
function likeness({ container, steps }: Explanation): number {
  const wanted = steps.find(({ kind }) => kind === 'container')?.words ?? '';
  const names = [...wanted.matchAll(/"([^"]*)"/g)].map(([, name = '']) => name);
  return suggest(container, names.slice(1)).length;
}

function toSummary({ pod, bindings }: PodFacts, containers: readonly ContainerReport[]): string {
  const { namespace } = pod.metadata;
  const title = toPodTitle(pod);
  const matching = containers.filter(({ matches }) => matches.length > 0);
  if (matching.length > 0) return matching.map((one) => toMatchWords(one, title)).join('; ');
  const [nearest] = containers.flatMap(({ misses }) => misses.slice(0, 1)).toSorted(byDistance);
  if (!nearest)
    return `${title} matches no binding: there is ${bindings.length === 0 ? 'none' : 'none for it'} in namespace ${namespace}; create a binding for its pool`;
  const [first, ...others] = failuresOf(nearest);
  const more = others.length === 0 ? '' : ` (and ${others.length} more below)`;
  const place = nearest.namespace === namespace ? '' : ` of namespace ${nearest.namespace}`;
  return `container ${nearest.container} of ${title} matches no binding; nearest is ${nearest.binding}${place}: ${first?.words}${more}. To change it: ${first?.advice}`;
}

function toMatchWords({ name, matches }: ContainerReport, title: string): string {
  const [first, ...others] = matches;
  if (others.length === 0)
    return `container ${name} of ${title} matches binding ${first?.binding}: ${first?.spiffeID}`;
  const said = matches.map(({ binding, spiffeID, hint }) => `${binding} (${spiffeID}, hint ${hint})`);
  return `container ${name} of ${title} matches ${matches.length} bindings: ${said.join(', ')}; it must choose by hint`;
}

const Others = z.object({ fallback: z.boolean().optional(), spiffeIDTemplate: z.string().optional() });

/** ClusterSPIFFEIDs of others that select the pod. What their templates make of it is SPIRE's to say. */
function findOthers({ pod, outputs = [], namespaceLabels, controllerManager }: PodFacts): OtherOutput[] {
  const { namespace, labels = {} } = pod.metadata;
  return outputs
    .filter((output) => parseOwner(output, namespace) === undefined)
    .filter(({ spec }) => selectsLabels(spec.podSelector, labels))
    .filter(({ spec }) => selectsLabels(spec.namespaceSelector, namespaceLabels))
    .filter(({ spec }) => !controllerManager || handlesClass(controllerManager, spec.className || undefined))
    .map(({ metadata, spec }) => {
      const { fallback = false, spiffeIDTemplate = '' } = Others.parse(spec);
      return { name: metadata.name, spiffeIDTemplate, fallback };
    })
    .toSorted((a, b) => compareText(a.name, b.name));
}

function toNotes({ pod, controllerManager, outputs, lacks }: PodFacts): string[] {
  const { phase } = pod.status ?? {};
  return [
    ...(phase === 'Succeeded' || phase === 'Failed'
      ? [`the pod has ended (${phase}): nobody asks any more`]
      : []),
    ...(controllerManager
      ? []
      : [
          "SPIRE Controller Manager's configuration was not found: whether it acts on this class is not known",
        ]),
    ...(outputs ? [] : ['ClusterSPIFFEIDs could not be read: whether they are as rendered is not known']),
    ...lacks.map((permission) => `no permission to ${toPermissionWords(permission)}`),
  ];
}
