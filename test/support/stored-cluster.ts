import type { Binding, BindingSpec, BindingStatus } from '../../shared/api/binding.ts';
import type { Output } from '../../shared/api/cluster-spiffe-id.ts';
import type { Objective } from '../../shared/api/objective.ts';
import type { Pool } from '../../shared/api/pool.ts';
import { toCollisionKey, toKeyDigest } from '../../shared/identity/collision-key.ts';
import type { Cluster, LabelQuery } from '../../shared/kube/cluster.ts';
import { isSelected, toFieldSelector } from '../../shared/kube/selectors.ts';
import { hasLabels } from './has-labels.ts';
import { createObjective, createPool } from './inference.ts';

/** What the cluster stores; a kind that is not installed is `unserved`. */
export interface StoredObjects {
  readonly bindings: readonly Binding[] | 'unserved';
  readonly outputs: readonly Output[] | 'unserved';
  readonly pools: readonly Pool[] | 'unserved';
  readonly objectives: readonly Objective[] | 'unserved';
}

/** What others change in it just before the first call that begins so. */
export type Changes = Readonly<Record<string, (before: StoredObjects) => Partial<StoredObjects>>>;

const namespace = 'default';
const pool = createPool({ matchLabels: { app: 'model-server' } }, 'pool');
const objective = createObjective({ name: 'pool' }, 'objective');

/** The key of a container, as others find it. */
export function digestOf(container: string, serviceAccountName = 'sa'): string {
  return toKeyDigest(keyOf(container, serviceAccountName));
}

/** The key of a container. */
function keyOf(container: string, serviceAccountName = 'sa'): string {
  const workload = { serviceAccountName, container };
  const key = toCollisionKey({ app: 'model-server' }, workload);
  if (key === undefined) throw new Error('a container makes a key');
  return key;
}

/** A binding of a container, which is called like the binding where nothing else is said. */
export function bindingOf(
  name: string,
  spec: Partial<BindingSpec> = {},
  { status, ...metadata }: Partial<Binding['metadata']> & { status?: Binding['status'] } = {},
): Binding {
  return {
    metadata: { name, namespace, uid: `uid-${name}`, resourceVersion: '1', ...metadata },
    spec: {
      poolRef: { name: 'pool' },
      objectiveRef: { name: 'objective' },
      serviceAccountName: 'sa',
      containerName: name,
      ...spec,
    },
    ...(status && { status }),
  };
}

/** The status of a binding that asks for a key and claims nothing. */
export function asking(container: string, serviceAccountName = 'sa'): BindingStatus {
  return { keyDigest: digestOf(container, serviceAccountName) };
}

/** The status of a binding that owns its output. */
export function owning(owner: string, container = owner, serviceAccountName = 'sa'): BindingStatus {
  const name = nameOf(owner);
  const key = keyOf(container, serviceAccountName);
  return {
    keyDigest: digestOf(container, serviceAccountName),
    conditions: [toReady('True', 'Reconciled')],
    claim: { kind: 'owning', name, serviceAccountName, key, uid: `uid-${name}` },
  };
}

/** The status of a binding that asks for another key, and whose output cannot be deleted. */
export function undeleted(owner: string, container = owner): BindingStatus {
  return { ...owning(owner, container), conditions: [toReady('Unknown', 'DeletionRejected')] };
}

function toReady(status: 'True' | 'Unknown', reason: string) {
  const lastTransitionTime = '2026-01-01T00:00:00Z';
  return { type: 'Ready', status, reason, message: '', observedGeneration: 1, lastTransitionTime } as const;
}

/** The status of a binding that announced its output. */
export function creating(owner: string, at: string, container = owner): BindingStatus {
  return {
    keyDigest: digestOf(container),
    claim: {
      kind: 'creating',
      name: nameOf(owner),
      serviceAccountName: 'sa',
      key: keyOf(container),
      nonce: 'nonce',
      at,
    },
  };
}

/** The status of a binding whose output is about to move from one key to another. */
export function moving(owner: string, from: string, to: string): BindingStatus {
  const name = nameOf(owner);
  const previousKeyDigest = digestOf(from);
  const claimed = { name, serviceAccountName: 'sa', key: keyOf(to), previousKeyDigest };
  return { keyDigest: digestOf(to), claim: { kind: 'replacing', ...claimed, uid: `uid-${name}`, base: '1' } };
}

/** The name of a binding's output, for what a collect cares about. */
export function nameOf(owner: string): string {
  return `kleym-default-${owner}`;
}

/** An output of a binding for a container; `labels` are laid over its own, and what is undefined there is left out. */
export function outputOf(
  owner: string,
  {
    labels = {},
    container = owner,
    ...metadata
  }: Omit<Partial<Output['metadata']>, 'labels'> & {
    readonly labels?: Readonly<Record<string, string | undefined>>;
    readonly container?: string;
  } = {},
): Output {
  const name = nameOf(owner);
  const all = {
    'managed-by': 'kleym',
    'binding-namespace': namespace,
    'binding-name': owner,
    'service-account': 'sa',
    key: digestOf(container),
    ...labels,
  };
  const said = Object.entries(all).flatMap(([label, value]) =>
    value === undefined ? [] : [[`kleym.sonda.red/${label}`, value] as const],
  );
  return {
    metadata: {
      name,
      uid: `uid-${name}`,
      resourceVersion: '1',
      labels: Object.fromEntries(said),
      annotations: { 'kleym.sonda.red/binding-uid': `uid-${owner}`, 'kleym.sonda.red/binding-name': owner },
      ...metadata,
    },
    spec: {
      hint: `${namespace}/${owner}`,
      podSelector: { matchLabels: { app: 'model-server' } },
      workloadSelectorTemplates: ['k8s:sa:sa', `k8s:container-name:${container}`],
    },
  };
}

/** The labels of an output that is ours no more. */
export const noLabels = {
  'managed-by': undefined,
  'binding-namespace': undefined,
  'binding-name': undefined,
  'service-account': undefined,
  key: undefined,
};

/** An object after one more write. */
export function written<T extends Binding | Output>(one: T, metadata: Partial<T['metadata']> = {}): T {
  const resourceVersion = String(Number(one.metadata.resourceVersion) + 1);
  return { ...one, metadata: { ...one.metadata, resourceVersion, ...metadata } };
}

/** What a test may want of a cluster besides what it stores. */
interface StoredClusterOptions {
  readonly changes?: Changes;
  /** How the calls that the test expects begin; any other call fails. Unsaid, every read is answered. */
  readonly only?: readonly string[];
}

/** The reads of a cluster that others change between two calls. Its clock goes on by a second with each list. */
export function storedCluster(
  start: Partial<StoredObjects> = {},
  { changes = {}, only = [''] }: StoredClusterOptions = {},
) {
  let state: StoredObjects = { bindings: [], outputs: [], pools: [pool], objectives: [objective], ...start };
  const due = new Map(Object.entries(changes));
  const calls: string[] = [];
  let second = 0;
  function hear(...words: readonly (string | false | undefined)[]): StoredObjects {
    const call = words.filter(Boolean).join(' ');
    if (!only.some((beginning) => call.startsWith(beginning))) throw new Error(`unexpected call: ${call}`);
    for (const [beginning, change] of due) {
      if (!call.startsWith(beginning)) continue;
      state = { ...state, ...change(state) };
      due.delete(beginning);
    }
    calls.push(call);
    return state;
  }
  function list<T>(items: readonly T[]) {
    second++;
    const at = `2026-01-01T00:10:${String(second).padStart(2, '0')}.000Z`;
    return { items, at, resourceVersion: String(second) };
  }
  const cluster: Cluster = {
    getBinding: async (place, name) =>
      find(inside(place, hear(`get binding ${name}`, toPlace(place)).bindings), name),
    readBinding: async (place, name) => {
      const found = find(inside(place, hear(`read binding ${name}`, toPlace(place)).bindings), name);
      return { found, at: list([]).at };
    },
    listBindings: async ({ namespace: place, field, most }) => {
      const { bindings } = hear(
        'list bindings',
        place !== undefined && toPlace(place),
        field && toFieldSelector(field),
        most !== undefined && `most ${most}`,
      );
      if (bindings === 'unserved') return bindings;
      const found = bindings.filter((one) => {
        const isHere = place === undefined || one.metadata.namespace === place;
        return isHere && (!field || isSelected(one, field));
      });
      const items = found.slice(0, most);
      const remaining = found.length - items.length;
      return { ...list(items), isComplete: remaining === 0, ...(!field && { remaining }) };
    },
    getOutput: async (name) => find(hear(`get output ${name}`).outputs, name),
    listOutputs: async (labels) => {
      const { outputs } = hear('list outputs', toWords(labels));
      return outputs === 'unserved' ? outputs : list(outputs.filter((one) => hasLabels(one, labels)));
    },
    getPool: async ({ group }, _namespace, name) =>
      find(within('inference.networking.k8s.io', group, hear(`get pool ${name} of ${group}`).pools), name),
    listPools: async ({ group }) =>
      toList(within('inference.networking.k8s.io', group, hear(`list pools of ${group}`).pools)),
    getObjective: async ({ group }, _namespace, name) =>
      find(within('llm-d.ai', group, hear(`get objective ${name} of ${group}`).objectives), name),
    listObjectives: async ({ group }) =>
      toList(within('llm-d.ai', group, hear(`list objectives of ${group}`).objectives)),
    patchFinalizers: unexpected,
    replaceStatus: unexpected,
    createOutput: unexpected,
    replaceOutput: unexpected,
    deleteOutput: unexpected,
    createEvent: unexpected,
    readSweepReport: unexpected,
    patchSweepReport: unexpected,
  };
  function toList<T>(items: readonly T[] | 'unserved') {
    return items === 'unserved' ? items : list(items);
  }
  const change = (to: Partial<StoredObjects>) => {
    state = { ...state, ...to };
  };
  return { cluster, calls, change, stored: () => state };
}

/** Each kind is served in one group. */
function within<T>(served: string, group: string, items: T): T | 'unserved' {
  return group === served ? items : 'unserved';
}

function find<T extends { metadata: { name: string } }>(items: readonly T[] | 'unserved', name: string) {
  if (items === 'unserved') return items;
  return items.find(({ metadata }) => metadata.name === name) ?? 'absent';
}

/** As kubectl has it, `default` need not be said. */
function toPlace(place: string): string {
  return place === namespace ? '' : `in ${place}`;
}

function inside(place: string, bindings: StoredObjects['bindings']): StoredObjects['bindings'] {
  if (bindings === 'unserved') return bindings;
  return bindings.filter(({ metadata }) => metadata.namespace === place);
}

const unexpected = () => Promise.reject(new Error('no test of reads expects a write'));

/** The labels that narrow the list beyond our own and the namespace. */
function toWords(labels: LabelQuery): string {
  return Object.entries(labels)
    .map(([label, value]) => [label.replace('kleym.sonda.red/', ''), value] as const)
    .filter(([label]) => label !== 'managed-by' && label !== 'binding-namespace')
    .map(([label, value]) => {
      if (value === undefined) return `!${label}`;
      if (typeof value === 'object' && 'notIn' in value) return `${label} notin ${String(value.notIn)}`;
      return `${label}=${String(value)}`;
    })
    .join(' ');
}
