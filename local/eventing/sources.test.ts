import { setTimeout as sleepFor } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import type { CloudEvent } from 'cloudevents';
import { afterEach, describe, expect, test } from 'vitest';
import { type EmbeddedCluster, startCluster } from '@kleym/kube-api';
import { type FaultProxy, startFaultProxy } from '../../test/support/fault-proxy.ts';
import { outputResource } from '../../shared/api/cluster-spiffe-id.ts';
import { poolResources } from '../../shared/api/pool.ts';
import { readDefinition } from '../crds/definitions.ts';
import { type SourceNews, type SourcesOptions, startSources } from './sources.ts';
import type { SourceWiring } from './wiring.ts';

const poolDefinition = await readDefinition(poolResources[0]);
const outputDefinition = await readDefinition(outputResource);
const poolDefinitionPath =
  '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/inferencepools.inference.networking.k8s.io';

const pools: SourceWiring = {
  name: 'pools',
  namespace: 'kleym-system',
  apiVersion: 'inference.networking.k8s.io/v1',
  resourceKind: 'InferencePool',
  mode: 'Resource',
  allNamespaces: true,
  labelSelector: undefined,
  extensions: {},
};
const outputs: SourceWiring = {
  ...pools,
  name: 'outputs',
  apiVersion: 'spire.spiffe.io/v1alpha1',
  resourceKind: 'ClusterSPIFFEID',
  allNamespaces: false,
  labelSelector: 'kleym.sonda.red/managed-by=kleym',
};

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function startApi(crds: string[]): Promise<EmbeddedCluster> {
  const cluster = await startCluster({ crds });
  cleanups.push(async () => await cluster.close());
  return cluster;
}

/** A way to the API server on which a test may stand. */
async function openWay(cluster: EmbeddedCluster): Promise<FaultProxy> {
  const proxy = await startFaultProxy(kubeConfigOf(cluster));
  cleanups.push(async () => await proxy.close());
  return proxy;
}

function kubeConfigOf(cluster: EmbeddedCluster): KubeConfig {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromString(cluster.kubeconfig());
  return kubeConfig;
}

interface Watched {
  readonly events: CloudEvent<unknown>[];
  readonly news: SourceNews[];
  readonly gaps: () => number;
  readonly ready: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

function watch(
  kubeConfig: KubeConfig,
  sources: SourceWiring[],
  options: Partial<SourcesOptions> = {},
): Watched {
  const events: CloudEvent<unknown>[] = [];
  const news: SourceNews[] = [];
  let gaps = 0;
  const { ready, stop } = startSources({
    kubeConfig,
    wiring: { sources, pings: [] },
    sink: (event) => void events.push(event),
    onNews: (one) => void news.push(one),
    onGap: () => {
      gaps += 1;
    },
    sleep: async (milliseconds, signal) => await sleepFor(Math.min(milliseconds, 10), undefined, { signal }),
    ...options,
  });
  cleanups.push(async () => await stop());
  return { events, news, gaps: () => gaps, ready, stop };
}

function pool(name: string, value: string, namespace = 'default'): string {
  return `
apiVersion: inference.networking.k8s.io/v1
kind: InferencePool
metadata: {name: ${name}, namespace: ${namespace}, annotations: {value: "${value}"}}
spec: {targetPorts: [{number: 8000}], selector: {matchLabels: {app: a}}, endpointPickerRef: {name: epp, port: {number: 9002}}}
`;
}

function output(name: string, managedBy: string): string {
  return `
apiVersion: spire.spiffe.io/v1alpha1
kind: ClusterSPIFFEID
metadata: {name: ${name}, labels: {kleym.sonda.red/managed-by: ${managedBy}}}
spec: {spiffeIDTemplate: spiffe://a/b}
`;
}

const remove = async (cluster: EmbeddedCluster, path: string) =>
  expect((await fetch(`${cluster.url}${path}`, { method: 'DELETE' })).ok).toBe(true);
const described = (events: CloudEvent<unknown>[]) =>
  events.map(({ type, ...rest }) => `${type.split('.').at(-1)} ${String(rest['name'])}`);
const kinds = (news: SourceNews[]) => news.map(({ kind }) => kind);

describe('events', () => {
  test('each write is one event, in order, as Knative sends it; what was there before is none', async () => {
    const cluster = await startApi([poolDefinition]);
    await cluster.apply(pool('old', '1'));
    const { events, ready } = watch(kubeConfigOf(cluster), [pools]);
    await ready();
    await cluster.apply(pool('p', '1'));
    await cluster.apply(pool('p', '2'));
    await remove(cluster, '/apis/inference.networking.k8s.io/v1/namespaces/default/inferencepools/p');
    await expect.poll(() => described(events)).toEqual(['add p', 'update p', 'delete p']);
    expect(events[1]).toMatchObject({
      specversion: '1.0',
      type: 'dev.knative.apiserver.resource.update',
      source: cluster.url,
      subject: '/apis/inference.networking.k8s.io/v1/namespaces/default/inferencepools/p',
      datacontenttype: 'application/json',
      kind: 'InferencePool',
      apiversion: 'inference.networking.k8s.io/v1',
      name: 'p',
      namespace: 'default',
      data: { kind: 'InferencePool', metadata: { name: 'p', annotations: { value: '2' } }, spec: {} },
    });
    expect(new Set(events.map(({ id }) => id)).size).toBe(3);
  });

  test('an object that enters the label selector is added, one that leaves it is deleted, with its old labels', async () => {
    const cluster = await startApi([outputDefinition]);
    const { events, ready } = watch(kubeConfigOf(cluster), [outputs]);
    await ready();
    await cluster.apply(output('o', 'other'));
    await cluster.apply(output('o', 'kleym'));
    await cluster.apply(output('o', 'other'));
    await expect.poll(() => described(events)).toEqual(['add o', 'delete o']);
    expect(events[1]).toMatchObject({
      subject: '/apis/spire.spiffe.io/v1alpha1/namespaces//clusterspiffeids/o',
      namespace: '',
      data: { metadata: { labels: { 'kleym.sonda.red/managed-by': 'kleym' } } },
    });
  });

  test('a source without namespaceSelector hears only of its own namespace', async () => {
    const cluster = await startApi([poolDefinition]);
    await cluster.apply('{apiVersion: v1, kind: Namespace, metadata: {name: team-a}}');
    const { events, ready } = watch(kubeConfigOf(cluster), [
      { ...pools, namespace: 'team-a', allNamespaces: false, mode: 'Reference' },
    ]);
    await ready();
    await cluster.apply(pool('elsewhere', '1'));
    await cluster.apply(pool('here', '1', 'team-a'));
    await expect.poll(() => described(events)).toEqual(['add here']);
    expect(events[0]).toMatchObject({
      type: 'dev.knative.apiserver.ref.add',
      data: {
        kind: 'InferencePool',
        namespace: 'team-a',
        name: 'here',
        apiVersion: 'inference.networking.k8s.io/v1',
      },
    });
  });

  test('the next event of a resource waits until the sink has taken the one before', async () => {
    const cluster = await startApi([poolDefinition]);
    const held = Promise.withResolvers<void>();
    const taken: unknown[] = [];
    const { ready } = watch(kubeConfigOf(cluster), [pools], {
      sink: async (event) => {
        taken.push(event['name']);
        if (taken.length === 1) await held.promise;
      },
    });
    await ready();
    await cluster.apply(pool('first', '1'));
    await cluster.apply(pool('second', '1'));
    await expect.poll(() => taken).toEqual(['first']);
    held.resolve();
    await expect.poll(() => taken).toEqual(['first', 'second']);
  });
});

describe('gaps', () => {
  test('the start is one, told after the watch can miss nothing more', async () => {
    const cluster = await startApi([poolDefinition, outputDefinition]);
    const { gaps, news, ready } = watch(kubeConfigOf(cluster), [pools, outputs]);
    await ready();
    expect(gaps()).toBeGreaterThan(0);
    expect(kinds(news)).toEqual(['watching', 'watching']);
  });

  test('a connection that breaks is taken up where it stood: nothing is lost, nothing comes twice', async () => {
    const cluster = await startApi([poolDefinition]);
    const proxy = await openWay(cluster);
    const { events, gaps, news, ready } = watch(proxy.kubeConfig, [pools]);
    await ready();
    const gapsAtStart = gaps();
    await cluster.apply(pool('p', '1'));
    await expect.poll(() => events.length).toBe(1);
    proxy.intercept(({ query }) => (query.has('watch') ? 'cut before' : 'pass'));
    proxy.cut();
    await cluster.apply(pool('p', '2'));
    await expect.poll(() => kinds(news)).toEqual(['watching', 'interrupted']);
    proxy.intercept(undefined);
    await expect.poll(() => described(events)).toEqual(['add p', 'update p']);
    expect(kinds(news)).toEqual(['watching', 'interrupted', 'watching']);
    expect(gaps()).toBe(gapsAtStart);
  });

  test('history that the API server has forgotten is a gap; what comes after it is heard again', async () => {
    const cluster = await startApi([poolDefinition]);
    const proxy = await openWay(cluster);
    const { events, gaps, news, ready } = watch(proxy.kubeConfig, [pools]);
    await ready();
    const gapsAtStart = gaps();
    const forgotten = Promise.withResolvers<'pass'>();
    proxy.intercept(({ query }) => (query.has('watch') ? forgotten.promise : 'pass'));
    proxy.cut();
    await expect.poll(() => kinds(news)).toEqual(['watching', 'interrupted']);
    await cluster.apply(pool('unheard', '1'));
    cluster.compact();
    forgotten.resolve('pass');
    await expect.poll(gaps).toBeGreaterThan(gapsAtStart);
    await expect.poll(() => news.at(-1)?.kind).toBe('watching');
    await cluster.apply(pool('heard', '1'));
    await expect.poll(() => described(events)).toEqual(['add heard']);
    expect(kinds(news)).toEqual(['watching', 'interrupted', 'watching']); // a list helped at once
  });

  test('an event that the sink does not take is told as lost, and is a gap', async () => {
    const cluster = await startApi([poolDefinition]);
    const taken: unknown[] = [];
    const { gaps, news, ready } = watch(kubeConfigOf(cluster), [pools], {
      sink: (event) => {
        if (event['name'] === 'bad') throw new Error('no');
        taken.push(event['name']);
      },
    });
    await ready();
    const gapsAtStart = gaps();
    await cluster.apply(pool('bad', '1'));
    await cluster.apply(pool('good', '1'));
    await expect.poll(() => taken).toEqual(['good']);
    expect(news.at(-1)).toMatchObject({
      kind: 'lost',
      source: 'pools',
      reason: 'no',
      event: { name: 'bad' },
    });
    await expect.poll(gaps).toBeGreaterThan(gapsAtStart);
  });
});

describe('what is not there', () => {
  test('a missing CRD is told once, holds up no other source, and is watched when it comes, goes and comes again', async () => {
    const cluster = await startApi([outputDefinition]);
    const { events, news, gaps, ready } = watch(kubeConfigOf(cluster), [pools, outputs]);
    await ready();
    expect(
      news.map(({ source, kind }) => `${source} ${kind}`).toSorted((a, b) => a.localeCompare(b)),
    ).toEqual(['outputs watching', 'pools missing']);
    await cluster.apply(output('o', 'kleym'));
    await expect.poll(() => described(events)).toEqual(['add o']);

    const gapsBefore = gaps();
    await cluster.apply(poolDefinition);
    await expect.poll(() => kinds(news).slice(2)).toEqual(['watching']);
    await expect.poll(gaps).toBeGreaterThan(gapsBefore);
    await cluster.apply(pool('p', '1'));
    await expect.poll(() => described(events)).toEqual(['add o', 'add p']);

    await remove(cluster, poolDefinitionPath);
    await expect.poll(() => kinds(news).slice(2)).toEqual(['watching', 'missing']);
    await cluster.apply(poolDefinition);
    await expect.poll(() => kinds(news).slice(2)).toEqual(['watching', 'missing', 'watching']);
    await cluster.apply(pool('again', '1'));
    await expect.poll(() => described(events).at(-1)).toBe('add again');
  });

  test('a missing permission is told, and is no obstacle once it is granted', async () => {
    const cluster = await startApi([poolDefinition]);
    const proxy = await openWay(cluster);
    proxy.intercept(({ path, query }) =>
      path.endsWith('/inferencepools') && !query.has('watch')
        ? { status: 403, message: 'may not list' }
        : 'pass',
    );
    const { events, news, ready } = watch(proxy.kubeConfig, [pools]);
    await ready();
    expect(news).toMatchObject([
      { source: 'pools', kind: 'refused', reason: expect.stringContaining('403: may not list') },
    ]);
    proxy.intercept(undefined);
    await expect.poll(() => kinds(news)).toEqual(['refused', 'watching']);
    await cluster.apply(pool('p', '1'));
    await expect.poll(() => described(events)).toEqual(['add p']);
  });

  test('an API server that is not there is waited for', async () => {
    const cluster = await startApi([poolDefinition]);
    const proxy = await openWay(cluster);
    proxy.intercept(() => 'cut before');
    const { news, ready } = watch(proxy.kubeConfig, [pools]);
    await expect.poll(() => kinds(news)).toEqual(['interrupted']);
    proxy.intercept(undefined);
    await ready();
    expect(kinds(news)).toEqual(['interrupted', 'watching']);
  });
});

describe('the end', () => {
  test('nothing is sent after it', async () => {
    const cluster = await startApi([poolDefinition]);
    const { events, ready, stop } = watch(kubeConfigOf(cluster), [pools]);
    await ready();
    await stop();
    await cluster.apply(pool('p', '1'));
    expect(events).toEqual([]);
  });

  test('it comes while the API server keeps silent, and while a CRD is waited for', async () => {
    const cluster = await startApi([]);
    const proxy = await openWay(cluster);
    const answered = Promise.withResolvers<'pass'>();
    proxy.intercept(({ path }) => (path.includes('spire') ? answered.promise : 'pass'));
    const { news, ready, stop } = watch(proxy.kubeConfig, [pools, outputs], {
      sleep: async (_, signal) => await sleepFor(1_000_000, undefined, { signal }),
    });
    await expect.poll(() => kinds(news)).toEqual(['missing']);
    await stop();
    await ready(); // nobody is left waiting
    answered.resolve('pass');
  });
});

describe('PingSources', () => {
  const ping = {
    name: 'sweep',
    namespace: 'n',
    schedule: '*/5 * * * *',
    data: undefined,
    contentType: undefined,
    extensions: {},
  };

  async function tick(ticks: number, options: Partial<SourcesOptions>): Promise<Date[]> {
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromClusterAndUser(
      { name: 'c', server: 'https://127.0.0.1:1', skipTLSVerify: true },
      { name: 'u' },
    );
    let now = new Date('2026-11-20T10:02:30Z');
    const times: Date[] = [];
    const done = Promise.withResolvers<void>();
    const sources = startSources({
      kubeConfig,
      wiring: { sources: [], pings: [ping] },
      now: () => now,
      sleep: async (milliseconds, signal) => {
        if (times.length === ticks) await sleepFor(1_000_000, undefined, { signal });
        now = new Date(now.getTime() + milliseconds);
      },
      sink: (event) => {
        expect(event.type).toBe('dev.knative.sources.ping');
        times.push(now);
        if (times.length === ticks) done.resolve();
      },
      ...options,
    });
    await done.promise;
    await sources.stop();
    return times;
  }

  test('tick by their schedule', async () => {
    expect(await tick(3, {})).toEqual(
      ['10:05', '10:10', '10:15'].map((time) => new Date(`2026-11-20T${time}:00Z`)),
    );
  });

  test('tick in another rhythm where that is asked for', async () => {
    expect(await tick(2, { pingEverySeconds: 10 })).toEqual(
      ['02:40', '02:50'].map((time) => new Date(`2026-11-20T10:${time}Z`)),
    );
  });
});
