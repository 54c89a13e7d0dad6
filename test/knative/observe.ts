import { setTimeout as sleep } from 'node:timers/promises';
import type { BindingStatus } from '../../shared/api/binding.ts';
import { binding, output } from '../support/manifests.ts';
import type { Stored } from '../support/kube-client.ts';
import { type Target, conditionOf } from './installed.ts';

/** What was seen, each with the milliseconds since kubectl was started, in the order in which it was seen. */
export interface Observed {
  readonly ready: string;
  readonly moments: readonly (readonly [what: string, milliseconds: number])[];
}

/** Does something and notes when what follows from it is seen: pods, the finalizer, the announcement, the output, the end. */
export async function observe(
  target: Target,
  at: { readonly namespace: string; readonly name: string },
  act: () => Promise<unknown>,
  toEnd: (binding: Stored) => string | undefined,
): Promise<Observed> {
  const moments = new Map<string, number>();
  const start = performance.now();
  const note = (what: string) => {
    if (!moments.has(what)) moments.set(what, performance.now() - start);
  };
  const acted = act().then(() => note('kubectl returned'));
  for (;;) {
    const [pods, ended] = await Promise.all([target.functionPods(), look(target, at, note)]);
    for (const pod of pods) notePod(pod, note);
    const end = ended && toEnd(ended);
    if (end !== undefined) {
      note(`binding says Ready ${end}`);
      await acted;
      return { ready: end, moments: [...moments].toSorted(([, a], [, b]) => a - b) };
    }
    if (performance.now() - start > 660_000)
      throw new Error(`waited 660 s in vain: ${JSON.stringify([...moments])}`);
    await sleep(10);
  }
}

async function look(
  { kube }: Target,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  note: (what: string) => void,
): Promise<Stored | undefined> {
  const manifest = binding(name);
  const found = await kube.get({ ...manifest, metadata: { ...manifest.metadata, namespace } });
  if (!found) return undefined;
  note('binding is stored');
  if ((found.metadata.finalizers ?? []).length > 0) note('finalizer is on: reconcile is at work');
  if ((found['status'] as BindingStatus | undefined)?.claim) note('output is announced');
  const { apiVersion, kind } = output('any');
  const labelSelector = `kleym.sonda.red/binding-name=${name},kleym.sonda.red/binding-namespace=${namespace}`;
  if ((await kube.list({ apiVersion, kind, labelSelector })).length > 0) note('ClusterSPIFFEID is there');
  return found;
}

function notePod(pod: Stored, note: (what: string) => void): void {
  const service = pod.metadata.labels?.['serving.knative.dev/service'] ?? '';
  note(`${service}: pod created`);
  if (conditionOf(pod, 'Ready')?.status === 'True') note(`${service}: pod Ready`);
}

/** A table of what was seen. */
export function printObserved(title: string, { moments }: Observed): string {
  const lines = moments.map(([what, ms]) => `${(ms / 1000).toFixed(2).padStart(7)} s  ${what}`);
  return [`${title}:`, ...lines].join('\n');
}
