import type { BindingStatus } from '../../shared/api/binding.ts';
import { binding, objective, oldPool, pool } from '../support/manifests.ts';
import type { Manifest, Stored } from '../support/kube-client.ts';
import { type BareClient, atOnce } from './bare-client.ts';
import { createAtRest, createNamespace, inside, prepareOwnPools } from './bench-namespace.ts';
import { forEach, range } from './figures.ts';
import type { ProductOptions } from './product.ts';
import { isReady, isSaid, poolGenerationOf } from './ready-watch.ts';
import { toImage } from './shapes.ts';

/** What one team does in its namespace while another one waits for an identity. */
export interface Storm {
  readonly title: string;
  readonly size: number;
  /** Before the product is there. */
  readonly prepare: (place: TestNamespace) => Promise<void>;
  /** While it runs. */
  readonly rage: (place: TestNamespace) => Promise<void>;
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

const oldGroup = 'inference.networking.x-k8s.io';
const said = { isDone: isSaid } as const;
const calm = async () => {};

/** All storms, by the name that --storm takes. */
export const storms: Readonly<Record<string, Storm>> = {
  images: {
    ...said,
    title: 'bindings that differ in their image alone, then their pool is edited',
    size: 1000,
    prepare: prepareOneTarget,
    rage: createImagesThenEdit,
    isDone: (object) => isSaid(object) && poolGenerationOf(object) === 2,
  },
  'many-images': {
    title: 'bindings that differ in their image alone, then their pool is edited',
    size: 8000,
    prepare: prepareOneTarget,
    rage: createImagesThenEdit,
    isDone: (object) => isSaid(object) && poolGenerationOf(object) === 2,
  },
  crowd: {
    ...said,
    title: 'bindings that ask for one container',
    size: 2000,
    prepare: prepareOneTarget,
    rage: (place) => createEach(place, (index) => binding(nameOf(index))),
  },
  'before-start': {
    ...said,
    title: 'bindings with a pool each, there before the start',
    size: 3000,
    prepare: prepareFresh,
    rage: calm,
  },
  annotations: {
    ...said,
    title: 'bindings with 250 kB of annotations each',
    size: 600,
    prepare: prepareOneTarget,
    rage: (place) => createEach(place, withAnnotations),
  },
  'wide-pools': {
    ...said,
    title: 'pools of the older group with 2,000 labels each, and a binding each',
    size: 200,
    prepare: (place) => preparePools(place, (index) => oldPool(nameOf(index), toLabels(2000, index))),
    rage: createOnOldPools,
  },
  'wide-pools-swept': {
    ...said,
    title: 'pools of the older group with 2,000 labels each, and a binding each, swept every five seconds',
    size: 500,
    prepare: (place) => preparePools(place, (index) => oldPool(nameOf(index), toLabels(2000, index))),
    rage: createOnOldPools,
    product: { sweepSeconds: 5 },
  },
  'last-label': {
    ...said,
    title: 'bindings of pools with 64 labels that differ in the last',
    size: 6000,
    prepare: (place) => preparePools(place, (index) => pool(nameOf(index), toLabels(64, index))),
    rage: (place) => createEach(place, (index) => binding(nameOf(index), toReferences(index))),
  },
  'pool-each': {
    ...said,
    title: 'bindings with a pool each and one container name, there before the start',
    size: 20_000,
    prepare: prepareFresh,
    rage: calm,
  },
  'pool-each-refuse': {
    ...said,
    title: 'bindings with a pool each and one container name, where overlaps are refused',
    size: 10_000,
    prepare: prepareFresh,
    rage: calm,
    product: { env: { KLEYM_OVERLAP_POLICY: 'refuse' } },
  },
  'trust-domain': {
    title: 'bindings at rest, and a restart with another trust domain',
    size: 20_000,
    prepare: prepareAtRest,
    rage: calm,
    isDone: (object) =>
      isReady(object) && (object['status'] as BindingStatus).trustDomain === 'other.example.org',
    product: { trustDomain: 'other.example.org' },
  },
};

/** The names of a storm's bindings. */
export function nameOf(index: number): string {
  return `storm-${index}`;
}

async function prepareOneTarget({ client, namespace }: TestNamespace): Promise<void> {
  await createNamespace(client, namespace);
  await client.create(inside(namespace, pool()));
  await client.create(inside(namespace, objective()));
}

async function prepareFresh({ client, namespace, size }: TestNamespace): Promise<void> {
  await createNamespace(client, namespace);
  const prepared = await prepareOwnPools(client, namespace, range(size).map(nameOf));
  await forEach(prepared, atOnce, ({ manifest }) => client.create(manifest));
}

async function prepareAtRest({ client, namespace, size }: TestNamespace): Promise<void> {
  await createNamespace(client, namespace);
  const prepared = await prepareOwnPools(client, namespace, range(size).map(nameOf));
  await forEach(prepared, atOnce, (one) => createAtRest(client, one));
}

async function preparePools(
  { client, namespace, size }: TestNamespace,
  toPool: (index: number) => Manifest,
): Promise<void> {
  await createNamespace(client, namespace);
  await forEach(range(size), atOnce, async (index) => {
    const manifest = toPool(index);
    const [group = ''] = manifest.apiVersion.split('/');
    await client.create(inside(namespace, manifest));
    await client.create(inside(namespace, objective(nameOf(index), { name: nameOf(index), group })));
  });
}

async function createEach(
  { client, namespace, size }: TestNamespace,
  toManifest: (index: number) => Manifest,
): Promise<void> {
  await forEach(range(size), atOnce, (index) => client.create(inside(namespace, toManifest(index))));
}

async function createImagesThenEdit(place: TestNamespace): Promise<void> {
  await createEach(place, withImage);
  await place.client.patch(inside(place.namespace, pool()), {
    spec: { selector: { matchLabels: { app: 'two' } } },
  });
}

function createOnOldPools(place: TestNamespace): Promise<void> {
  return createEach(place, (index) => binding(nameOf(index), toReferences(index, oldGroup)));
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

function toReferences(index: number, group?: string): object {
  const name = nameOf(index);
  return { poolRef: { name, ...(group !== undefined && { group }) }, objectiveRef: { name } };
}

/** So many labels, of which the last one is this pool's own. */
function toLabels(count: number, index: number): Record<string, string> {
  const same = range(count - 1).map((key) => [`example.org/key-${key}`, 'same'] as const);
  return Object.fromEntries([...same, ['example.org/last', `value-${index}`]]);
}
