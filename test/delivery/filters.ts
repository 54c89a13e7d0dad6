import { describe, expect, test } from 'vitest';
import { readWiring } from '../../local/eventing/wiring.ts';
import { manifestsFolder } from '../support/kustomization.ts';
import { readCapturedRequests } from '../support/captured-events.ts';
import { join } from 'node:path';
import type { Attributes } from './flow-client.ts';
import type { OpenFlow } from './delivery-specification.ts';
import type { FlowTrigger } from './flow.ts';

/** Whom an event is delivered to. */
export function describeFilters(openFlow: OpenFlow): void {
  const client = openFlow({
    name: 'filters',
    brokers: { entry: {}, other: {} },
    triggers: {
      everything: {},
      'other-broker': { broker: 'other' },
      exact: { filters: [{ exact: { type: 'a' } }] },
      'exact-two': { filters: [{ exact: { type: 'a', kind: 'Pod' } }] },
      'exact-id': { filters: [{ exact: { id: 'type a' } }] },
      prefix: { filters: [{ prefix: { type: 'a.' } }] },
      suffix: { filters: [{ suffix: { source: '/end' } }] },
      'every-item': { filters: [{ exact: { kind: 'Pod' } }, { prefix: { type: 'a' } }] },
      all: { filters: [{ all: [{ exact: { kind: 'Pod' } }, { prefix: { type: 'a' } }] }] },
      any: { filters: [{ any: [{ exact: { type: 'b' } }, { exact: { kind: 'Pod' } }] }] },
      not: { filters: [{ not: { exact: { type: 'a' } } }] },
      'not-absent': { filters: [{ not: { prefix: { kind: 'P' } } }] },
      hops: { filters: [{ prefix: { knativebrokerttl: '2' } }] },
      arrival: { filters: [{ prefix: { knativearrivaltime: '2' } }] },
    },
  });
  const always = ['everything', 'arrival'];

  test.each<[Attributes, string[]]>([
    [{ id: 'type a', type: 'a' }, ['exact', 'exact-id', 'not-absent']],
    [{ id: 'type A', type: 'A' }, ['not', 'not-absent']],
    [{ id: 'type a.b', type: 'a.b' }, ['prefix', 'not', 'not-absent']],
    [{ id: 'type b', type: 'b' }, ['any', 'not', 'not-absent']],
    [{ id: 'a pod', type: 'a', kind: 'Pod' }, ['exact', 'exact-two', 'every-item', 'all', 'any']],
    [{ id: 'b pod', type: 'b', kind: 'Pod' }, ['any', 'not']],
    [{ id: 'no kind', type: 'a', kind: '' }, ['exact', 'not-absent']],
    [{ id: 'kind in lower case', type: 'a', kind: 'pod' }, ['exact', 'not-absent']],
    [{ id: 'source', type: 'c', source: '/the/end' }, ['suffix', 'not', 'not-absent']],
    [{ id: 'hops', type: 'c', knativebrokerttl: '200' }, ['not', 'not-absent']],
  ])('%o', async (event, expected) => {
    expect(await client().send(event)).toBe(202);
    await client().expectReceivers(event.id, once([...always, ...expected]));
  });

  describe("our own Triggers'", async () => {
    const { brokers, triggers, entry } = await readWiring([join(manifestsFolder, 'base')]);
    const flow = {
      name: 'own',
      brokers: Object.fromEntries(brokers.map(({ name }) => [name, {}])),
      triggers: Object.fromEntries(
        triggers.map(({ name, broker, filters }): [string, FlowTrigger] => [name, { broker, filters }]),
      ),
    };
    const own = openFlow(flow);
    const affected = 'red.sonda.kleym.bindings.affected';
    const failed = {
      knativeerrordest: 'http://sweep.kleym-system.svc.cluster.local',
      knativeerrorcode: '503',
    };

    test.each<[event: string, ...receivers: string[]]>([
      ['resource.binding.add', 'reconcile-new-binding'],
      ['resource.binding.update-spec', 'map-binding'],
      ['resource.binding.delete', 'map-binding'],
      ['resource.pool.add', 'map-pool'],
      ['resource.pool-x.add', 'map-pool'],
      ['resource.objective.add', 'map-objective'],
      ['resource.objective-x.add', 'map-objective'],
      ['resource.clusterspiffeid.add', 'map-output'],
      ['resource.clusterspiffeid.delete', 'map-output'],
      ['ping.nodata', 'sweep'],
      ['ping.json', 'sweep'],
    ])('%s, as it was captured, goes to %s', async (name, ...receivers) => {
      const [captured] = readCapturedRequests(name);
      const sent = Object.fromEntries(
        (captured?.rawHeaders ?? [])
          .map(([header, value]): [string, string] => [header.toLowerCase(), value])
          .filter(([header]) => header.startsWith('ce-') || header === 'content-type'),
      );
      const headers = { ...sent, 'ce-id': name };
      const { status } = await own().request({ headers, body: captured?.body ?? '' });
      expect(status).toBe(202);
      await own().expectReceivers(name, once(receivers));
      for (const receiver of receivers) {
        const [received] = await own().received(receiver, name);
        expect(received?.headers).toMatchObject(withoutTime(headers));
        expect(received?.body).toBe(captured?.body);
      }
    });

    test.each<[Attributes, broker: string, receivers: string[]]>([
      [{ id: 'affected', type: affected }, entry.name, ['reconcile']],
      [{ id: 'of another kind', type: 'dev.knative.apiserver.resource.add', kind: 'Pod' }, entry.name, []],
      [{ id: 'by reference', type: 'dev.knative.apiserver.ref.add', kind: 'InferencePool' }, entry.name, []],
      [{ id: 'dead affected', type: affected, ...failed }, 'kleym-dead-letters', ['dead-letter-sweep']],
      [
        { id: 'dead tick', type: 'dev.knative.sources.ping', ...failed },
        'kleym-dead-letters',
        ['dead-letter-sweep'],
      ],
      [
        { id: 'dead, no word why', type: 'dev.knative.sources.ping' },
        'kleym-dead-letters',
        ['dead-letter-sweep'],
      ],
      [{ id: 'what the sweep found', type: affected }, 'kleym-dead-letters', ['dead-letter-reconcile']],
    ])('%o at %s goes to %o', async (event, broker, receivers) => {
      expect(await own().send(event, '', broker)).toBe(202);
      await own().expectReceivers(event.id, once(receivers));
    });
  });
}

function once(receivers: readonly string[]): Record<string, number> {
  return Object.fromEntries(receivers.map((receiver) => [receiver, 1]));
}

// A broker may write the same instant in another way.
function withoutTime(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'ce-time'));
}
