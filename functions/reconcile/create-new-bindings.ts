import { bindingFinalizer } from '../../shared/api/binding.ts';
import { collectAlone, isSmallNamespace } from '../../shared/collect/collect-alone.ts';
import { readNewBindings, readSourcesOf } from '../../shared/collect/read-new-bindings.ts';
import { maxReadsByName } from '../../shared/collect/limits.ts';
import { runInSlices } from '../../shared/concurrency/run-in-slices.ts';
import { type FirstWrite, addFinalizer, decideNew, isNew } from '../../shared/decide/decide-new.ts';
import { compileWorld } from '../../shared/decide/world.ts';
import { runRound } from './round.ts';
import { type PlannedWrite, type Run, isAnnounced } from './run.ts';
import { writeAll } from './write-binding.ts';

/**
 * Creates the outputs of a few bindings that nobody has evaluated: row 0, and then the other rows where the bindings
 * are alone.
 */
export async function createNewBindings(run: Run): Promise<void> {
  const { task, tools, settings, cache } = run;
  if (task.isWhole || task.names.length > maxReadsByName) return;
  const announced = await announceNewBindings(run);
  if (announced.length === 0 || !isAloneRead(run)) return;
  run.datedAt = tools.elapsed();
  const snapshot = await collectAlone(tools.cluster, { namespace: task.namespace, names: announced }, cache);
  if (!snapshot) return;
  run.collects++;
  await runRound(run, await runInSlices(compileWorld(snapshot, settings), tools), announced);
}

/** Where overlaps are refused, only a full collect can tell. */
function isAloneRead({ settings }: Run): boolean {
  return settings.overlapPolicy === 'report';
}

async function announceNewBindings(run: Run): Promise<string[]> {
  const { task, tools, settings, cache } = run;
  run.datedAt = tools.elapsed();
  const read = await readNewBindings(tools.cluster, task, cache);
  const found = read.filter(({ binding }) => isNew(binding));
  if (found.length === 0) {
    cache.justRead = new Set(task.names);
    return [];
  }
  run.collects++;
  // The finalizer does not depend on their pools, nor on their neighbours.
  const bindings = found.map(({ binding }) => binding);
  const reading = readSourcesOf(tools.cluster, task.namespace, bindings, cache);
  const adding = writeAll(
    run,
    bindings.map((binding) => ({ name: binding.metadata.name, decision: addFinalizer(binding) })),
  );
  const measuring = isAloneRead(run) ? isSmallNamespace(tools.cluster, task.namespace, bindings) : false;
  // All must be over, even if one of them fails: a run that has ended writes nothing.
  await Promise.allSettled([reading, measuring, adding]);
  const [{ sources }, isSmall] = await Promise.all([reading, measuring, adding]);
  cache.isSmallNamespace = isSmall;
  const planned = found.flatMap(({ binding, clock }) =>
    planAnnouncement(run, decideNew({ binding, clock, sources, settings }, tools.nonce())),
  );
  await writeAll(run, planned);
  return planned.map(({ name }) => name).filter((name) => isAnnounced(run, name));
}

/** The announcement, aimed at the binding with our finalizer. If the finalizer could not be added, the collect decides. */
function planAnnouncement({ cache }: Run, decision: FirstWrite | undefined): PlannedWrite[] {
  if (!decision) return [];
  const { name } = decision.binding.metadata;
  const binding = cache.bindings.get(name);
  if (!binding?.metadata.finalizers?.includes(bindingFinalizer)) return [];
  const { announce: status } = decision;
  return [{ name, decision: { kind: 'write-status', binding, status, waiting: undefined } }];
}
