import type { Logger } from 'pino';
import { createBatches } from '../../shared/concurrency/batches.ts';
import { type Answer, nothing } from '../../shared/events/answers.ts';
import { type BindingNames, answerBindingsAffected } from '../../shared/events/bindings-affected.ts';
import { type Cause, toCause } from '../../shared/events/correlation.ts';
import type { Handler } from '../../shared/events/function-app.ts';
import { findOtherSettings } from '../../shared/identity/other-settings.ts';
import type { Settings } from '../../shared/identity/settings.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';
import { collectCluster } from '../../shared/collect/collect-cluster.ts';
import { type Repair, type RepairCounts, countRepairs } from '../../shared/api/sweep-report.ts';
import { redact } from '../../shared/text/redact.ts';
import { type EventLoop, type TimedEventLoop, runInSlices } from '../../shared/concurrency/run-in-slices.ts';
import { findUnconverged } from './find-unconverged.ts';
import { recordLook } from './record-look.ts';

// A status may say anything, and a log line should not.
const mostOthers = 3;

// A look lists everything. In an overload the dead letters do not end, and looks without a rest would be a part of it:
// they take a quarter of the time. A letter waits for its look, and its sender gives up after 60 s.
const restPerLook = 3;
const maxRestMs = 20_000;

/** What one look at the cluster found, and the ids of the events that asked for it. */
interface Look {
  readonly causes: readonly string[];
  readonly namespaces: number;
  readonly unconverged: readonly BindingNames[];
  readonly found: RepairCounts;
  /** Settings that bindings were last written with, if they are others. */
  readonly otherSettings: readonly string[];
}

/**
 * Looks at the whole cluster, whatever event asks for it (a tick, or a dead letter), and names the bindings that have
 * not converged. Sources can lose events, and the sweep makes up for that. Many dead letters come at once, so those
 * that arrive during a look, or in the rest after it, share the next one. The last of them carries the reply: it has
 * waited least, so its sender is the last to give up. If that sender does give up, it sends the event again.
 */
export function sweep(
  cluster: Cluster,
  settings: Settings,
  loop: TimedEventLoop,
  onLook: (found: RepairCounts) => void = () => undefined,
): Handler {
  let restMs = 0;
  async function lookInTurn(causes: readonly string[]): Promise<Look> {
    const since = loop.elapsed();
    try {
      return await look(cluster, settings, causes, loop);
    } finally {
      restMs = Math.min(restPerLook * (loop.elapsed() - since), maxRestMs);
    }
  }
  const looks = createBatches(
    (_everything, causes) => lookInTurn(causes),
    () => loop.sleep(restMs),
  );

  async function answerTo(cause: Cause, log: Logger): Promise<Answer> {
    const { id } = cause;
    const { causes, namespaces, unconverged, found, otherSettings } = await looks.ask('everything', [id]);
    const last = causes.at(-1) ?? id;
    if (last !== id) return nothing({ namespaces, sharedWith: redact(last) });
    onLook(found);
    await recordLook(cluster, { namespaces, found }, log);
    return answerBindingsAffected(
      { from: 'sweep', cause, bindings: unconverged },
      { namespaces, ...found, ...(otherSettings.length > 0 && { otherSettings: otherSettings.join('; ') }) },
    );
  }

  return function handleAny(event, context) {
    context.release?.();
    return answerTo(toCause(event), context.log);
  };
}

async function look(
  cluster: Cluster,
  settings: Settings,
  causes: readonly string[],
  loop: EventLoop,
): Promise<Look> {
  const snapshots = await collectCluster(cluster);
  const unconverged: BindingNames[] = [];
  const repairs: Repair[] = [];
  const others = new Set<string>();
  for (const snapshot of snapshots) {
    const found = await runInSlices(findUnconverged(snapshot, settings), loop);
    for (const { status } of snapshot.bindings.values()) {
      if (others.size === mostOthers) break;
      const words = findOtherSettings(status, settings);
      if (words !== undefined) others.add(redact(words));
    }
    const { namespace } = snapshot;
    for (const { name, repair, ...why } of found) {
      unconverged.push({ namespace, names: [name], ...why });
      repairs.push(repair);
    }
  }
  return {
    causes,
    namespaces: snapshots.length,
    otherSettings: [...others],
    found: countRepairs(repairs),
    unconverged,
  };
}
