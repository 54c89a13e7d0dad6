import type { BindingStatus } from '../../shared/api/binding.ts';
import { binding, objective, oldPool, pool } from '../support/manifests.ts';
import type { Manifest, Stored } from '../support/kube-client.ts';
import { type BareClient, atOnce } from './bare-client.ts';
import {
  type Created,
  type Prepared,
  announceBare,
  createAtRest,
  createBare,
  createNamespace,
  inside,
  moveBare,
  prepareOwnPools,
  refuseBare,
} from './bench-namespace.ts';
import { forEach, range } from './figures.ts';
import type { ProductOptions } from './product.ts';
import { isReady, isSaid, poolGenerationOf } from './ready-watch.ts';
import { toImage } from './shapes.ts';

/** What one team does in its namespace while another one waits for an identity. */
export interface Storm {
  readonly title: string;
  readonly size: number;
  /** Creates what the bindings refer to. */
  readonly prepare: (place: TestNamespace) => Promise<Prepared[]>;
  /** Creates the bindings that are there before kleym starts. */
  readonly before?: (client: BareClient, one: Prepared) => Promise<unknown>;
  /** What the team does while kleym runs. */
  readonly rage: (place: TestNamespace, prepared: readonly Prepared[]) => Promise<void>;
  /** All the writes, the team's and kleym's, by a client without any logic. */
  readonly rageBare: (place: TestNamespace, prepared: readonly Prepared[]) => Promise<void>;
  /** Which state of a binding shows that the product is through with it. */
  readonly isDone: (object: Stored) => boolean;
  readonly product?: Pick<ProductOptions, 'env' | 'sweepSeconds' | 'trustDomain'>;
}

/** Where a storm rages. */
interface TestNamespace {
  readonly client: BareClient;
  readonly namespace: string;
  readonly size: number;
}

const creating = {
  isDone: isSaid,
  rage: createAll,
  rageBare: async (place: TestNamespace, prepared: readonly Prepared[]) =>
    void (await completeAll(place, prepared)),
} as const;
const refused = {
  ...creating,
  rageBare: ({ client }: TestNamespace, prepared: readonly Prepared[]) =>
    forEach(prepared, atOnce, (one) => refuseBare(client, one)),
} as const;
const resting = {
  ...creating,
  before: (client: BareClient, { manifest }: Prepared) => client.create(manifest),
  rage: async () => {},
} as const;
const imagesThenEdit = {
  title: 'bindings that differ in their image alone, then their pool is edited',
  prepare: (place: TestNamespace) => prepareOneTarget(place, withImage),
  rage: async (place: TestNamespace, prepared: readonly Prepared[]) => {
    await createAll(place, prepared);
    await editPool(place);
  },
  rageBare: async (place: TestNamespace, prepared: readonly Prepared[]) => {
    const created = await completeAll(place, prepared);
    const edited = await editPool(place);
    await forEach(created, atOnce, (one) => moveBare(place.client, one, edited));
  },
  isDone: (object: Stored) => isSaid(object) && poolGenerationOf(object) === 2,
} as const;

/** All storms, by the name that --storm takes. */
export const storms: Readonly<Record<string, Storm>> = {
  images: { ...imagesThenEdit, size: 1000 },
  'many-images': { ...imagesThenEdit, size: 8000 },
  crowd: {
    ...refused,
    title: 'bindings that ask for one container',
    size: 2000,
    prepare: (place) => prepareOneTarget(place, (index) => binding(nameOf(index))),
  },
  'before-start': {
    ...resting,
    title: 'bindings with a pool each, there before the start',
    size: 3000,
    prepare: preparePoolEach,
  },
  annotations: {
    ...creating,
    title: 'bindings with 250 kB of annotations each',
    size: 600,
    prepare: (place) => prepareOneTarget(place, withAnnotations),
  },
  'wide-pools': {
    ...refused,
    title: 'pools of the older group with 2,000 labels each, and a binding each',
    size: 200,
    prepare: prepareWidePools,
  },
  'wide-pools-swept': {
    ...refused,
    title: 'pools of the older group with 2,000 labels each, and a binding each, swept every five seconds',
    size: 500,
    prepare: prepareWidePools,
    product: { sweepSeconds: 5 },
  },
  'last-label': {
    ...creating,
    title: 'bindings of pools with 64 labels that differ in the last',
    size: 6000,
    prepare: (place) => preparePools(place, (index) => pool(nameOf(index), toLabels(64, index))),
  },
  'pool-each': {
    ...resting,
    title: 'bindings with a pool each and one container name, there before the start',
    size: 20_000,
    prepare: preparePoolEach,
  },
  'pool-each-refuse': {
    ...resting,
    title: 'bindings with a pool each and one container name, where overlaps are refused',
    size: 10_000,
    prepare: preparePoolEach,
    product: { env: { KLEYM_OVERLAP_POLICY: 'refuse' } },
  },
  'trust-domain': {
    ...resting,
    title: 'bindings at rest, and a restart with another trust domain',
    size: 20_000,
    prepare: preparePoolEach,
    before: createAtRest,
    isDone: (object) =>
      isReady(object) && (object['status'] as BindingStatus).trustDomain === 'other.example.org',
    product: { trustDomain: 'other.example.org' },
  },
};

/** The names of a storm's bindings. */
export function nameOf(index: number): string {
  return `storm-${index}`;
}

async function prepareOneTarget(
  { client, namespace, size }: TestNamespace,
  toManifest: (index: number) => Manifest,
): Promise<Prepared[]> {
  await createNamespace(client, namespace);
  const target = {
    pool: await client.create(inside(namespace, pool())),
    objective: await client.create(inside(namespace, objective())),
  };
  return range(size).map((index) => ({ manifest: inside(namespace, toManifest(index)), ...target }));
}

async function preparePoolEach({ client, namespace, size }: TestNamespace): Promise<Prepared[]> {
  await createNamespace(client, namespace);
  return await prepareOwnPools(client, namespace, range(size).map(nameOf));
}

async function preparePools(
  { client, namespace, size }: TestNamespace,
  toPool: (index: number) => Manifest,
): Promise<Prepared[]> {
  await createNamespace(client, namespace);
  const prepared: Prepared[] = [];
  await forEach(range(size), atOnce, async (index) => {
    const name = nameOf(index);
    const stored = await client.create(inside(namespace, toPool(index)));
    const [group = ''] = stored.apiVersion.split('/');
    prepared.push({
      manifest: inside(namespace, binding(name, { poolRef: { name, group }, objectiveRef: { name } })),
      pool: stored,
      objective: await client.create(inside(namespace, objective(name, { name, group }))),
    });
  });
  return prepared;
}

function prepareWidePools(place: TestNamespace): Promise<Prepared[]> {
  return preparePools(place, (index) => oldPool(nameOf(index), toLabels(2000, index)));
}

async function createAll({ client }: TestNamespace, prepared: readonly Prepared[]): Promise<void> {
  await forEach(prepared, atOnce, ({ manifest }) => client.create(manifest));
}

async function completeAll({ client }: TestNamespace, prepared: readonly Prepared[]): Promise<Created[]> {
  const created: Created[] = [];
  await forEach(prepared, atOnce, async (one) => {
    const done = await createBare(client, one);
    await announceBare(client, done.binding, 'ready');
    created.push(done);
  });
  return created;
}

function editPool({ client, namespace }: TestNamespace): Promise<Stored> {
  return client.patch(inside(namespace, pool()), { spec: { selector: { matchLabels: { app: 'two' } } } });
}

function withImage(index: number): Manifest {
  const manifest = binding(nameOf(index));
  const { containerName: _, ...spec } = manifest['spec'] as Record<string, unknown>;
  return { ...manifest, spec: { ...spec, containerImage: toImage(index) } };
}

function withAnnotations(index: number): Manifest {
  const manifest = binding(nameOf(index), { containerName: `c-${index}` });
  return {
    ...manifest,
    metadata: { ...manifest.metadata, annotations: { 'example.org/notes': 'n'.repeat(250_000) } },
  };
}

/** So many labels, of which the last one is this pool's own. */
function toLabels(count: number, index: number): Record<string, string> {
  const same = range(count - 1).map((key) => [`example.org/key-${key}`, 'same'] as const);
  return Object.fromEntries([...same, ['example.org/last', `value-${index}`]]);
}
