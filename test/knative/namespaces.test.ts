import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { output, pool, poolBinding } from '../support/manifests.ts';
import type { Manifest } from '../support/kube-client.ts';
import { createRandom } from '../support/random.ts';
import { eventually, placeLabel, useCluster } from '../support/test-cluster.ts';
import { openTarget, report } from './installed.ts';
import { kubectl } from './kubectl.ts';
import { allowSweeps, stopSweeps, untilNoneOrStuck } from './without-sweep.ts';

// Each new namespace restarts Knative's adapters, and so does each that goes. What is lost by that, if a team makes its
// namespace, pool and binding with one command, and others do so all the time? Nothing is swept meanwhile.

const target = await openTarget();
process.env['KLEYM_TEST_INSTALLED'] = 'true';
const cluster = await useCluster();
const names = Array.from({ length: 100 }, (_, index) => `kleym-test-new-${index}`);
// The adapters are replaced at any time of the work, because between two namespaces there is no pause, or up to 3 s.
const random = createRandom(1);
const longestPauseMs = 3000;

beforeAll(stopSweeps);
afterAll(() => allowSweeps(target));

test('100 namespaces, each with a binding, one after the other: each binding gets its output', async () => {
  const seen = watchOutputs();
  const created = new Map<string, number>();
  for (const name of names) {
    created.set(name, performance.now());
    const text = renderPlace(name)
      .map((object) => JSON.stringify(object))
      .join('\n---\n');
    await kubectl(['apply', '-f', '-'], text);
    await sleep(random(longestPauseMs));
  }
  const lost = await untilNoneOrStuck(async () => names.filter((name) => !seen.has(name)));
  const waits = names.flatMap((name) => {
    const at = seen.at(name);
    return at === undefined ? [] : [at - (created.get(name) ?? Number.NaN)];
  });
  await seen.stop();
  report(
    `100 new namespaces: ${lost.length} wait for the sweep (${lost.join(' ')}); the others: ${toFigures(waits)}`,
  );
  await heal(async () => expect((await listServed()).size).toBe(names.length));
});

test('the namespaces are deleted, one after the other: no output is left', async () => {
  for (const name of names) {
    await kubectl(['delete', 'namespace', name, '--wait=false']);
    await sleep(random(longestPauseMs));
  }
  const left = await untilNoneOrStuck(async () => [...(await listServed())]);
  report(`100 deleted namespaces: ${left.length} wait for the sweep (${left.join(' ')})`);
  await heal(async () => expect(await listServed()).toEqual(new Set()));
});

function renderPlace(name: string): Manifest[] {
  const objects = [pool(), poolBinding()];
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { [placeLabel]: 'taken' } } },
    ...objects.map((object) => ({ ...object, metadata: { ...object.metadata, namespace: name } })),
  ];
}

/** The namespaces that have an output. */
async function listServed(): Promise<Set<string>> {
  const { apiVersion, kind } = output('any');
  const labelSelector = 'kleym.sonda.red/managed-by=kleym';
  const outputs = await cluster.kube.list({ apiVersion, kind, labelSelector });
  const namespaces = outputs.map(
    ({ metadata }) => metadata.labels?.['kleym.sonda.red/binding-namespace'] ?? '',
  );
  return new Set(namespaces.filter((name) => names.includes(name)));
}

/** Notes when each namespace is first seen with an output. */
function watchOutputs() {
  const moments = new Map<string, number>();
  const ended = new AbortController();
  const looking = (async () => {
    while (!ended.signal.aborted) {
      for (const name of await listServed()) if (!moments.has(name)) moments.set(name, performance.now());
      await sleep(100);
    }
  })();
  return {
    has: (name: string) => moments.has(name),
    at: (name: string) => moments.get(name),
    stop: () => {
      ended.abort();
      return looking;
    },
  };
}

function toFigures(waits: readonly number[]): string {
  const sorted = waits.toSorted((a, b) => a - b);
  const at = (share: number) =>
    ((sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN) / 1000).toFixed(1);
  return `median ${at(0.5)} s, 90th percentile ${at(0.9)} s, longest ${at(1)} s`;
}

async function heal(isRight: () => Promise<void>): Promise<void> {
  await allowSweeps(target);
  (await cluster.startStack()).sweep();
  await eventually(isRight);
  await stopSweeps();
}
