import { type Binding, bindingFinalizer } from '../../shared/api/binding.ts';
import { collectCluster } from '../../shared/collect/collect-cluster.ts';
import { findCollision } from '../../shared/decide/peers.ts';
import { isOrphan, isTerminating, toView } from '../../shared/decide/view.ts';
import { type Snapshot, type World, toWorld } from '../../shared/decide/world.ts';
import { isSameContent } from '../../shared/identity/content.ts';
import { findOtherSettings } from '../../shared/identity/other-settings.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';

/** What a start would write to a cluster, until all is as it should be. */
export interface Plan {
  readonly bindings: number;
  /** Bindings that get the finalizer. */
  readonly finalizers: readonly string[];
  /** Bindings that stay without an identity. */
  readonly refused: readonly string[];
  /** Names of ClusterSPIFFEIDs. */
  readonly created: readonly string[];
  readonly changed: readonly string[];
  readonly deleted: readonly string[];
  /** How many bindings were last written with which other settings, in words. */
  readonly others: ReadonlyMap<string, number>;
}

/** Reads the cluster and finds out what a start would write. It writes nothing. */
export async function readPlan(cluster: Cluster, settings: Settings): Promise<Plan> {
  const snapshots = await collectCluster(cluster);
  const steps = snapshots.flatMap((snapshot) => listSteps(snapshot, settings));
  const bindings = snapshots.flatMap((snapshot) => [...snapshot.bindings.values()]);
  const namesOf = (kind: Step['kind']) =>
    steps
      .filter((step) => step.kind === kind)
      .map(({ name }) => name)
      .toSorted();
  const others = bindings.flatMap(({ status }) => findOtherSettings(status, settings) ?? []);
  return {
    bindings: bindings.length,
    finalizers: namesOf('finalizer'),
    refused: namesOf('refused'),
    created: namesOf('create'),
    changed: namesOf('change'),
    deleted: namesOf('delete'),
    others: new Map([...Map.groupBy(others, (words) => words)].map(([words, all]) => [words, all.length])),
  };
}

interface Step {
  readonly kind: 'finalizer' | 'refused' | 'create' | 'change' | 'delete';
  readonly name: string;
}

function listSteps(snapshot: Snapshot, settings: Settings): Step[] {
  const world = toWorld(snapshot, settings);
  const orphans = world.outputs.filter((held) => isOrphan(world, held) && !isTerminating(held));
  return [
    ...[...snapshot.bindings.values()].flatMap((binding) => stepsOf(world, binding)),
    ...orphans.map(({ output }): Step => ({ kind: 'delete', name: output.metadata.name })),
  ];
}

function stepsOf(world: World, binding: Binding): Step[] {
  const { metadata } = binding;
  const view = toView(world, binding, {}, 'unused');
  const owned = view.outputs.filter((held) => !isOrphan(world, held) && !isTerminating(held));
  const toDeletion = ({ output }: (typeof owned)[number]): Step => ({
    kind: 'delete',
    name: output.metadata.name,
  });
  if (metadata.deletionTimestamp !== undefined) return owned.map(toDeletion);

  const label = `${metadata.namespace}/${metadata.name}`;
  const finalizer: Step[] = metadata.finalizers?.includes(bindingFinalizer)
    ? []
    : [{ kind: 'finalizer', name: label }];
  const { outcome } = view.rendering;
  if (outcome.kind === 'refused' || findCollision(world, view.peers, outcome.value.key))
    return [...finalizer, { kind: 'refused', name: label }, ...owned.map(toDeletion)];

  const wanted = outcome.value.output;
  const others = owned.filter(({ output }) => output.metadata.name !== wanted.metadata.name);
  return [...finalizer, ...others.map(toDeletion), ...toWrite(view.output?.output, wanted)];
}

function toWrite(
  held: Parameters<typeof isSameContent>[0] | undefined,
  wanted: Parameters<typeof isSameContent>[1],
): Step[] {
  const { name } = wanted.metadata;
  if (!held) return [{ kind: 'create', name }];
  return isSameContent(held, wanted) ? [] : [{ kind: 'change', name }];
}

const mostNamed = 5;

/** A plan in words. */
export function toPlanText(plan: Plan, server: string): string {
  const lines = [
    ['put the finalizer on bindings', plan.finalizers],
    ['create ClusterSPIFFEIDs', plan.created],
    ['change ClusterSPIFFEIDs', plan.changed],
    ['delete ClusterSPIFFEIDs', plan.deleted],
    ['leave without an identity', plan.refused],
  ] as const;
  const width = Math.max(...lines.map(([what]) => what.length));
  const said = lines.map(([what, names]) => `  ${what.padEnd(width)}   ${toNames(names)}`);
  const others = [...plan.others].map(
    ([words, count]) =>
      `${count} of them were last written with ${words}: if another installation of kleym still runs there, end it first. Two with different settings overwrite each other for ever, and the workloads lose their identities each time.\n`,
  );
  return [`On ${server}, with ${plan.bindings} bindings, this would`, '', ...said, '', ...others].join('\n');
}

function toNames(names: readonly string[]): string {
  if (names.length === 0) return '0';
  const shown = names.slice(0, mostNamed).join(', ');
  return `${names.length}: ${shown}${names.length > mostNamed ? ', …' : ''}`;
}

/** How many bindings kleym's finalizer keeps, and how to leave without a trace; undefined: none. */
export async function describeLeftovers(cluster: Cluster): Promise<string | undefined> {
  const listed = await cluster.listBindings({});
  if (listed === 'unserved') return undefined;
  const held = listed.items.filter(({ metadata }) => metadata.finalizers?.includes(bindingFinalizer));
  if (held.length === 0) return undefined;
  return [
    `${held.length} bindings keep the finalizer of kleym, and their ClusterSPIFFEIDs stay. Where kleym is installed, it serves them.`,
    'Where it is not, nobody does: `kubectl delete iib` waits until kleym runs again. To leave without a trace, start again,',
    'delete the bindings (kubectl delete iib --all -A), wait until they are gone, and end it then.',
  ].join('\n');
}
