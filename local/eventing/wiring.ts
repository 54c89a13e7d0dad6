import { readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { parseCronSchedule } from './cron-schedule.ts';
import { TriggerFilter } from './trigger-filter.ts';

/** Where events go: a Knative Service or a Broker of the same namespace. */
export type Destination = { readonly kind: 'service' | 'broker'; readonly name: string };

/** How hard a Broker tries before it gives an event up. */
export interface DeliveryWiring {
  readonly retry: number;
  readonly backoffPolicy: 'exponential' | 'linear';
  /** Without policy or delay Knative retries at once; that is 0 here. */
  readonly backoffDelayMs: number;
  readonly timeoutMs: number | undefined;
  readonly deadLetterSink: Destination | undefined;
}

export interface BrokerWiring {
  readonly name: string;
  readonly namespace: string;
}

export interface TriggerWiring {
  readonly name: string;
  readonly namespace: string;
  readonly broker: string;
  readonly filters: readonly TriggerFilter[];
  readonly subscriber: Destination;
  /** Its own, or the Broker's: a Trigger's delivery replaces the Broker's as a whole, only the dead letter sink falls back. */
  readonly delivery: DeliveryWiring;
}

export interface SourceWiring {
  readonly name: string;
  readonly namespace: string;
  readonly apiVersion: string;
  readonly resourceKind: string;
  readonly mode: 'Resource' | 'Reference';
  readonly allNamespaces: boolean;
  readonly labelSelector: string | undefined;
  readonly extensions: Readonly<Record<string, string>>;
}

export interface PingWiring {
  readonly name: string;
  readonly namespace: string;
  readonly schedule: string;
  readonly data: string | undefined;
  readonly contentType: string | undefined;
  readonly extensions: Readonly<Record<string, string>>;
}

/** Who receives what, as the Knative manifests say it. */
export interface Wiring {
  readonly brokers: readonly BrokerWiring[];
  readonly triggers: readonly TriggerWiring[];
  readonly sources: readonly SourceWiring[];
  readonly pings: readonly PingWiring[];
  /** The Broker that all sources and pings feed. */
  readonly entry: BrokerWiring;
}

const metadata = z.looseObject({ name: z.string().min(1), namespace: z.string().min(1) });

const destination = z
  .strictObject({
    ref: z.union(
      [
        z.strictObject({
          apiVersion: z.literal('serving.knative.dev/v1'),
          kind: z.literal('Service'),
          name: z.string(),
        }),
        z.strictObject({
          apiVersion: z.literal('eventing.knative.dev/v1'),
          kind: z.literal('Broker'),
          name: z.string(),
        }),
      ],
      'expected a serving.knative.dev/v1 Service or an eventing.knative.dev/v1 Broker of the same namespace',
    ),
  })
  .transform(({ ref }): Destination => ({
    kind: ref.kind === 'Service' ? 'service' : 'broker',
    name: ref.name,
  }));

const duration = z
  .string()
  .regex(
    /^PT(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?$/,
    'expected an ISO 8601 duration of hours, minutes, seconds, such as PT0.5S',
  )
  .transform(toMilliseconds);

const delivery = z.strictObject({
  retry: z.int().min(0).default(0),
  backoffPolicy: z.enum(['exponential', 'linear']).optional(),
  backoffDelay: duration.optional(),
  timeout: duration.optional(),
  deadLetterSink: destination.optional(),
});

const overrides = z
  .strictObject({ extensions: z.record(z.string(), z.string()).default({}) })
  .default({ extensions: {} });

const Broker = z.object({ metadata, spec: z.strictObject({ delivery: delivery.optional() }).default({}) });

const Trigger = z.object({
  metadata,
  spec: z.strictObject({
    broker: z.string(),
    filters: z.array(TriggerFilter).default([]),
    subscriber: destination,
    delivery: delivery.optional(),
  }),
});

const ApiServerSource = z.object({
  metadata,
  spec: z.strictObject({
    serviceAccountName: z.string().optional(),
    mode: z.enum(['Resource', 'Reference']).default('Reference'),
    namespaceSelector: z.strictObject({}, 'only {} (all namespaces) works outside a cluster').optional(),
    resources: z
      .array(
        z.strictObject({
          apiVersion: z.string().regex(/^([^/]+\/)?v[^/]+$/, 'expected group/version'),
          kind: z.string().min(1),
          selector: z.strictObject({ matchLabels: z.record(z.string(), z.string()) }).optional(),
        }),
      )
      .min(1),
    ceOverrides: overrides,
    sink: destination,
  }),
});

const PingSource = z.object({
  metadata,
  spec: z.strictObject({
    schedule: z.string().refine(isSchedule, 'expected five cron fields, or six with leading seconds'),
    contentType: z.string().optional(),
    data: z.string().optional(),
    ceOverrides: overrides,
    sink: destination,
  }),
});

const Kustomization = z.looseObject({
  resources: z.array(z.string()).default([]),
  components: z.array(z.string()).default([]),
});

type Delivery = z.infer<typeof delivery>;

interface Document {
  readonly file: string;
  readonly content: { apiVersion?: unknown; kind?: unknown };
}

interface Manifests {
  readonly brokers: z.infer<typeof Broker>[];
  readonly triggers: z.infer<typeof Trigger>[];
  readonly sources: z.infer<typeof ApiServerSource>[];
  readonly pings: z.infer<typeof PingSource>[];
}

/** Reads kustomize folders (a base, and components where wanted) into the wiring; throws one error that says what is wrong where. */
export async function readWiring(folders: readonly string[]): Promise<Wiring> {
  const documents = (await Promise.all(folders.map(readFolder))).flat();
  const manifests: Manifests = { brokers: [], triggers: [], sources: [], pings: [] };
  for (const document of documents) collect(document, manifests);
  return toWiring(manifests, folders.join(', '));
}

async function readFolder(folder: string): Promise<Document[]> {
  const file = join(folder, 'kustomization.yaml');
  const kustomizations = await readDocuments(file);
  const paths = kustomizations.flatMap(({ content }) => {
    const { resources, components } = parse(Kustomization, content, file);
    return [...resources, ...components].map((path) => join(folder, path));
  });
  const read = paths.map(async (path) =>
    (await isFolder(path, file)) ? await readFolder(path) : await readDocuments(path),
  );
  return (await Promise.all(read)).flat();
}

async function isFolder(path: string, namedBy: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    throw new Error(`${show(namedBy)} names ${show(path)}, which cannot be read`, { cause });
  }
}

async function readDocuments(file: string): Promise<Document[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new Error(`${show(file)} cannot be read`, { cause });
  }
  return parseAllDocuments(text).flatMap((document) => {
    const [error] = document.errors;
    if (error) throw new Error(`${show(file)} is not YAML: ${error.message}`, { cause: error });
    const content: unknown = document.toJS();
    return typeof content === 'object' && content !== null ? [{ file, content }] : [];
  });
}

function collect({ file, content }: Document, into: Manifests): void {
  switch (`${String(content.apiVersion)} ${String(content.kind)}`) {
    case 'eventing.knative.dev/v1 Broker':
      into.brokers.push(parse(Broker, content, file));
      return;
    case 'eventing.knative.dev/v1 Trigger':
      into.triggers.push(parse(Trigger, content, file));
      return;
    case 'sources.knative.dev/v1 ApiServerSource':
      into.sources.push(parse(ApiServerSource, content, file));
      return;
    case 'sources.knative.dev/v1 PingSource':
      into.pings.push(parse(PingSource, content, file));
      return;
    default: // CRDs, RBAC, Services: not wiring
  }
}

function parse<T>(schema: z.ZodType<T>, content: unknown, file: string): T {
  const parsed = schema.safeParse(content);
  if (parsed.success) return parsed.data;
  const named = z.object({ kind: z.string(), metadata: z.object({ name: z.string() }) }).safeParse(content);
  const what = named.success ? `${named.data.kind} ${named.data.metadata.name}` : 'the object';
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new Error(`${show(file)}: ${what} is not usable: ${problems.join('; ')}`);
}

function toWiring({ brokers, triggers, sources, pings }: Manifests, where: string): Wiring {
  const known = new Map(brokers.map((broker) => [broker.metadata.name, broker]));
  const find = (name: string, namedBy: string) => {
    const broker = known.get(name);
    if (broker) return broker;
    throw new Error(
      `${where}: ${namedBy} names Broker ${name}, found only ${[...known.keys()].join(', ') || 'none'}`,
    );
  };
  const feeds = [...sources, ...pings].map(({ metadata: { name }, spec: { sink } }) => {
    if (sink.kind === 'broker') return find(sink.name, `source ${name}`);
    throw new Error(
      `${where}: source ${name} has a Service as its sink, expected a Broker, so that replies are routed`,
    );
  });
  const [entry, other] = new Set(feeds.length > 0 ? feeds : brokers);
  if (!entry || other) {
    throw new Error(
      `${where}: expected one Broker that all sources feed, found ${other ? 'several' : 'none'}`,
    );
  }
  return {
    brokers: brokers.map(({ metadata: { name, namespace } }) => ({ name, namespace })),
    triggers: triggers.map(({ metadata: { name, namespace }, spec }) => ({
      name,
      namespace,
      broker: spec.broker,
      filters: spec.filters,
      subscriber: spec.subscriber,
      delivery: toDelivery(spec.delivery, find(spec.broker, `Trigger ${name}`).spec.delivery),
    })),
    sources: sources.flatMap(toSources),
    pings: pings.map(({ metadata: { name, namespace }, spec }) => ({
      name,
      namespace,
      schedule: spec.schedule,
      data: spec.data,
      contentType: spec.contentType,
      extensions: spec.ceOverrides.extensions,
    })),
    entry: { name: entry.metadata.name, namespace: entry.metadata.namespace },
  };
}

function toDelivery(own: Delivery | undefined, brokers: Delivery | undefined): DeliveryWiring {
  const used = own ?? brokers;
  return {
    retry: used?.retry ?? 0,
    backoffPolicy: used?.backoffPolicy ?? 'exponential',
    backoffDelayMs: used?.backoffPolicy && used.backoffDelay ? used.backoffDelay : 0,
    timeoutMs: used?.timeout,
    deadLetterSink: own?.deadLetterSink ?? brokers?.deadLetterSink,
  };
}

function toSources({ metadata: { name, namespace }, spec }: Manifests['sources'][number]): SourceWiring[] {
  return spec.resources.map(({ apiVersion, kind, selector }) => ({
    name,
    namespace,
    apiVersion,
    resourceKind: kind,
    mode: spec.mode,
    allNamespaces: spec.namespaceSelector !== undefined,
    labelSelector:
      selector &&
      Object.entries(selector.matchLabels)
        .map(([label, value]) => `${label}=${value}`)
        .join(','),
    extensions: spec.ceOverrides.extensions,
  }));
}

function isSchedule(text: string): boolean {
  try {
    parseCronSchedule(text);
    return true;
  } catch {
    return false;
  }
}

function toMilliseconds(text: string): number {
  const [, hours, minutes, seconds] = /^PT(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?$/.exec(text) ?? [];
  return Math.round((Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds ?? 0)) * 1000);
}

function show(path: string): string {
  return relative('', path) || path;
}
