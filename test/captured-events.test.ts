import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mapBinding } from '../shared/mappers/map-binding.ts';
import { mapObjective } from '../functions/map-objective/map-objective.ts';
import { mapOutput } from '../functions/map-output/map-output.ts';
import { mapPool } from '../functions/map-pool/map-pool.ts';
import type { Binding } from '../shared/api/binding.ts';
import { Output } from '../shared/api/cluster-spiffe-id.ts';
import { type Listening, listen } from '../shared/runtime/serve.ts';
import { type CapturedRequest, listCapturedCases, readCapturedRequests } from './support/captured-events.ts';
import { storedCluster } from './support/stored-cluster.ts';
import { type Answered, silentApp, toAnswered } from './support/post-event.ts';
import { throwError } from './support/throw-error.ts';

const poolUid = '6530570d-0091-4abe-8d55-51cfa633232f';
const objectiveUid = '02a6f620-3565-4102-b533-d8e1a2896b4a';

const common = { uid: 'u', resourceVersion: '1', namespace: 'team-a', generation: 3 };
/** Decided from generation 2 of the captured pool and objective. */
const settled: Binding = {
  metadata: { ...common, name: 'settled' },
  spec: { poolRef: { name: 'pool' }, objectiveRef: { name: 'chat' }, serviceAccountName: 'sa' },
  status: {
    observedGeneration: 3,
    observed: {
      pool: { group: 'inference.networking.k8s.io', uid: poolUid, generation: 2 },
      objective: { group: 'llm-d.ai', uid: objectiveUid, generation: 2 },
    },
  },
};
const migrating: Binding = {
  metadata: { ...common, name: 'migrating' },
  spec: {
    poolRef: { name: 'old', group: 'inference.networking.x-k8s.io' },
    objectiveRef: { name: 'chat', group: 'inference.networking.x-k8s.io' },
    serviceAccountName: 'sa',
  },
};
const elsewhere: Binding = { ...settled, metadata: { ...common, namespace: 'team-b', name: 'elsewhere' } };
const removed: Binding = {
  metadata: { ...common, name: 'removed' },
  spec: { poolRef: { name: 'p' }, objectiveRef: { name: 'g1' }, serviceAccountName: 'sa' },
};

const [added] = readCapturedRequests('resource.clusterspiffeid.add');
const output = Output.parse(JSON.parse(added?.body ?? ''));
const world = { bindings: [settled, migrating, elsewhere, removed], outputs: [output] };
const mapperReads = { only: ['list bindings', 'get binding', 'get output'] };
const { cluster } = storedCluster(world, mapperReads);
const handlers = {
  binding: mapBinding(),
  pool: mapPool(cluster),
  objective: mapObjective(cluster),
  output: mapOutput(cluster),
  'output, gone': mapOutput(storedCluster({ ...world, outputs: [] }, mapperReads).cluster),
};
type Name = keyof typeof handlers;

const nothing: Answered = { status: 204 };
const names = (...list: string[]): Answered => ({
  status: 200,
  bindings: [{ namespace: 'team-a', names: list }],
});
const newName = (name: string): Answered => ({
  status: 200,
  bindings: [{ namespace: 'team-a', names: [name], hasOwnReason: true }],
});
const refused = (found: string): Answered => ({
  status: 400,
  error: expect.objectContaining({ found: expect.stringContaining(found) }),
});
const retried = <T>(answer: T): T[] => Array.from({ length: 6 }, () => answer);

const notOurs = refused('type "dev.knative.sources.ping"');
const table: Record<string, readonly [Name, ...Answered[]]> = {
  'ping.data-without-contenttype': ['binding', notOurs],
  'ping.json': ['pool', notOurs],
  'ping.nodata': ['objective', notOurs],
  'ping.over': ['output', notOurs],
  'ping.retried': ['binding', ...retried(notOurs)],
  'ping.text': ['binding', notOurs],

  'resource.binding.add': ['binding', newName('b')],
  'resource.binding.add-with-finalizer': ['binding', names('f')],
  'resource.binding.update-spec': ['binding', names('b')],
  'resource.binding.update-spec-noop': ['binding'],
  // No finalizer of ours, no observedGeneration: not settled, whatever else changed.
  'resource.binding.update-status': ['binding', names('b')],
  'resource.binding.update-label': ['binding', names('b')],
  'resource.binding.update-annotation': ['binding', names('b')],
  'resource.binding.delete-blocked': ['binding', names('f')],
  'resource.binding.delete-finalizer-removed': ['binding', names('f')],
  'resource.binding.delete': ['binding', names('b')],
  'resource.binding.retried': ['binding', ...retried(names('p1'))],
  'resource.binding.selector': ['binding', newName('p1'), names('p1'), newName('p1'), names('p1')],

  'reference.binding.add': ['binding', names('b')],
  'reference.binding.add-with-finalizer': ['binding', names('f')],
  'reference.binding.update-spec': ['binding', names('b')],
  'reference.binding.update-spec-noop': ['binding'],
  'reference.binding.update-status': ['binding', names('b')],
  'reference.binding.update-label': ['binding', names('b')],
  'reference.binding.update-annotation': ['binding', names('b')],
  'reference.binding.delete-blocked': ['binding', names('f')],
  'reference.binding.delete-finalizer-removed': ['binding', names('f')],
  'reference.binding.delete': ['binding', names('b')],

  'resource.pool.add': ['pool', names('settled')],
  'resource.pool.update-spec': ['pool', nothing],
  'resource.pool.update-status': ['pool', nothing],
  'resource.pool.update-label': ['pool', nothing],
  'resource.pool.delete': ['pool', names('settled')],
  'resource.pool-x.add': ['pool', names('migrating')],
  'resource.pool-x.delete': ['pool', names('migrating')],
  'reference.pool.add': ['pool', names('settled')],
  'reference.pool.update-spec': ['pool', names('settled')],
  'reference.pool.update-status': ['pool', names('settled')],
  'reference.pool.update-label': ['pool', names('settled')],
  'reference.pool.delete': ['pool', names('settled')],
  'reference.pool-x.add': ['pool', names('migrating')],
  'reference.pool-x.delete': ['pool', names('migrating')],

  'resource.objective.add': ['objective', names('settled')],
  'resource.objective.update-spec': ['objective', nothing],
  'resource.objective.update-status': ['objective', nothing],
  'resource.objective.delete': ['objective', names('settled')],
  'resource.objective.crd-deleted': ['objective', names('removed'), nothing],
  'resource.objective-x.add': ['objective', names('migrating', 'settled')],
  'resource.objective-x.update-spec': ['objective', names('migrating', 'settled')],
  'resource.objective-x.update-status': ['objective', names('migrating', 'settled')],
  'resource.objective-x.delete': ['objective', names('migrating', 'settled')],
  'reference.objective.add': ['objective', names('settled')],
  'reference.objective.update-spec': ['objective', names('settled')],
  'reference.objective.update-status': ['objective', names('settled')],
  'reference.objective.delete': ['objective', names('settled')],
  'reference.objective-x.add': ['objective', names('migrating', 'settled')],
  'reference.objective-x.update-spec': ['objective', names('migrating', 'settled')],
  'reference.objective-x.update-status': ['objective', names('migrating', 'settled')],
  'reference.objective-x.delete': ['objective', names('migrating', 'settled')],

  // Nobody wrote the digest of these outputs, so none of them says what we wrote.
  'resource.clusterspiffeid.add': ['output', names('b')],
  'resource.clusterspiffeid.update-spec': ['output', names('b')],
  'resource.clusterspiffeid.update-status': ['output', names('b')],
  'resource.clusterspiffeid.update-label': ['output', names('b')],
  'resource.clusterspiffeid.delete': ['output', names('b')],
  'reference.clusterspiffeid.add': ['output', names('b')],
  'reference.clusterspiffeid.update-spec': ['output', names('b')],
  'reference.clusterspiffeid.update-status': ['output', names('b')],
  'reference.clusterspiffeid.update-label': ['output', names('b')],
  'reference.clusterspiffeid.delete': ['output, gone', nothing],
};

const servers = new Map<Name, Listening>();

beforeAll(async () => {
  for (const name of Object.keys(handlers) as Name[]) {
    servers.set(name, await listen(silentApp(handlers[name]), { port: 0, host: '127.0.0.1' }, throwError));
  }
});

afterAll(async () => {
  await Promise.all([...servers.values()].map((server) => server.close(0)));
});

describe('an event that Knative sent', () => {
  test('has an expected answer in the table', () => {
    expect(Object.keys(table).toSorted()).toEqual(listCapturedCases());
  });

  test.each(Object.entries(table))('%s', async (name, [mapper, ...expected]) => {
    const answers: Answered[] = [];
    for (const captured of readCapturedRequests(name)) answers.push(await replay(mapper, captured));
    expect(answers).toEqual(expected);
  });

  test('a binding is refused by the mapper of pools, objectives and outputs', async () => {
    const [captured] = readCapturedRequests('resource.binding.add');
    if (!captured) throw new Error('nothing was captured');
    for (const mapper of ['pool', 'objective', 'output'] as const) {
      expect(await replay(mapper, captured)).toEqual(refused('kind "InferenceIdentityBinding"'));
    }
  });

  test('an output is refused by the mapper of bindings', async () => {
    const [captured] = readCapturedRequests('resource.clusterspiffeid.update-status');
    if (!captured) throw new Error('nothing was captured');
    expect(await replay('binding', captured)).toEqual(refused('kind "ClusterSPIFFEID"'));
  });
});

/** Sends a request as it was captured: every header, in its order and spelling, and the same bytes. */
async function replay(mapper: Name, { rawHeaders, body }: CapturedRequest): Promise<Answered> {
  const server = servers.get(mapper);
  const response = await new Promise<Response>((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port: server?.port,
        method: 'POST',
        path: '/',
        headers: rawHeaders.flat(),
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () => {
          const text = Buffer.concat(chunks);
          const headers = Object.entries(incoming.headers).map(([name, value]): [string, string] => [
            name,
            String(value),
          ]);
          resolve(new Response(text.length > 0 ? text : null, { status: incoming.statusCode ?? 0, headers }));
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
  return toAnswered(response);
}
