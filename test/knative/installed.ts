import { readFile } from 'node:fs/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { afterAll } from 'vitest';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { type KubeClient, type Stored, createKubeClient } from '../support/kube-client.ts';
import { eventually, testSettings } from '../support/test-cluster.ts';
import { kubectl } from './kubectl.ts';
import { type OverlayValues, writeOverlay } from './overlay.ts';

/** The functions, which are the Services. */
export const functionNames = ['map-binding', 'map-objective', 'map-output', 'map-pool', 'reconcile', 'sweep'];

/** A condition as Knative's objects have it. */
export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

/** The cluster that kleym is, or will be, installed on. */
export interface Target {
  readonly kube: KubeClient;
  readonly image: string;
  /** Applies the overlay of these values with kubectl, and returns what kubectl said. */
  install(values?: Partial<OverlayValues>): Promise<string>;
  /** The pods of functions that exist, by function. */
  functionPods(): Promise<Stored[]>;
  /** What is not Ready of what is installed: kind, name and its own words. */
  unready(): Promise<string[]>;
}

/** Opens the cluster that the environment names. */
export async function openTarget(): Promise<Target> {
  const file = required('KLEYM_TEST_KUBECONFIG');
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromString(await readFile(file, 'utf8'));
  const proxy = await startFaultProxy(kubeConfig);
  afterAll(() => proxy.close());
  const kube = createKubeClient(proxy.url);
  return {
    kube,
    get image() {
      return required('KLEYM_TEST_IMAGE');
    },
    install: async (values = {}) => {
      const image = required('KLEYM_TEST_IMAGE');
      const overlay = await writeOverlay({ image, trustDomain: testSettings.trustDomain, ...values });
      return await kubectl(['apply', '--server-side', '-k', overlay]);
    },
    functionPods: () =>
      kube.list({
        apiVersion: 'v1',
        kind: 'Pod',
        namespace,
        labelSelector: `serving.knative.dev/service in (${functionNames.join(',')})`,
      }),
    unready: async () => {
      const lists = await Promise.all(knativeKinds.map((kind) => kube.list({ ...kind, namespace })));
      return lists.flat().flatMap((object) => toTrouble(object));
    },
  };
}

/** Where everything of ours lives. */
export const namespace = 'kleym-system';

const knativeKinds = [
  { apiVersion: 'serving.knative.dev/v1', kind: 'Service' },
  { apiVersion: 'eventing.knative.dev/v1', kind: 'Broker' },
  { apiVersion: 'eventing.knative.dev/v1', kind: 'Trigger' },
  { apiVersion: 'sources.knative.dev/v1', kind: 'ApiServerSource' },
  { apiVersion: 'sources.knative.dev/v1', kind: 'PingSource' },
];

/** The condition of this type that an object reports. */
export function conditionOf(object: Stored, type: string): Condition | undefined {
  const { conditions = [] } = (object['status'] ?? {}) as { conditions?: Condition[] };
  return conditions.find((condition) => condition.type === type);
}

function toTrouble(object: Stored): string[] {
  const ready = conditionOf(object, 'Ready');
  const { observedGeneration } = (object['status'] ?? {}) as { observedGeneration?: number };
  if (ready?.status === 'True' && observedGeneration === object.metadata.generation) return [];
  const words = ready ? `${ready.status} ${ready.reason ?? ''} ${ready.message ?? ''}` : 'says nothing yet';
  return [`${object.kind} ${object.metadata.name}: ${words}`];
}

/** Says what was measured. */
export function report(text: string): void {
  process.stdout.write(`\n${text}\n`);
}

/** Waits until it is true. How long that takes is not asserted. */
export async function until(
  isDone: () => Promise<boolean>,
  what: string,
  patienceSeconds = 900,
): Promise<void> {
  await eventually(async () => {
    if (!(await isDone())) throw new Error(`waited ${patienceSeconds} s in vain until ${what}`);
  }, patienceSeconds * 1000);
}

/** What the environment says under this name. */
export function required(name: string): string {
  const value = process.env[name];
  if (value !== undefined && value !== '') return value;
  throw new Error(`${name} is not set: start these tests with npm run test:knative`);
}
