import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { readDefinitions } from '../../local/crds/definitions.ts';
import { type AuditEvent, startControlPlane } from '../real/control-plane.ts';
import type { Manifest } from '../support/kube-client.ts';
import { type BareClient, bareUserAgent, createBareClient } from './bare-client.ts';
import { say } from './figures.ts';

/** A real API server to measure on. */
export interface BenchCluster {
  readonly kubeconfig: string;
  readonly client: BareClient;
  /** Undefined on a cluster that was there before: its audit log is not ours to read. */
  readonly audit: AuditLog | undefined;
  stop(): Promise<void>;
}

/** What the API server writes down about requests, read bit by bit: of a long run it is too long for one string. */
interface AuditLog {
  /** What came since the last time. */
  next(): Promise<AuditEvent[]>;
}

// Who asked what. Watches are written down when they begin and end; what is inside of objects is of no interest.
const auditPolicy = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
  - { level: None, users: ['system:apiserver'] }
  - { level: Metadata, userGroups: ['system:masters'] }
  - { level: None }
`;

/** The cluster of a kubeconfig, or one that is started for this run, with all definitions. */
export async function openBenchCluster(kubeconfig: string | undefined): Promise<BenchCluster> {
  if (kubeconfig !== undefined) {
    const client = await createBareClient(kubeconfig);
    return { kubeconfig, client, audit: undefined, stop: async () => client.close() };
  }
  // One file, however long: a file that is moved away is hard to follow.
  const plane = await startControlPlane({ auditPolicy, apiserverArgs: ['--audit-log-maxsize=100000'] });
  const client = await createBareClient(plane.kubeconfigFile);
  async function stop(): Promise<void> {
    client.close();
    await plane.stop();
  }
  try {
    await install(client);
  } catch (error) {
    await stop();
    throw error;
  }
  const audit = followAudit(join(plane.folder, 'audit.log'));
  return { kubeconfig: plane.kubeconfigFile, client, audit, stop };
}

async function install(client: BareClient): Promise<void> {
  for (const text of await readDefinitions()) {
    const definition = parse(text) as Manifest;
    await client.create(definition);
    await untilServed(client, definition['spec'] as CrdSpec);
  }
}

interface CrdSpec {
  readonly group: string;
  readonly names: { readonly plural: string };
  readonly versions: readonly { readonly name: string; readonly served: boolean }[];
}

async function untilServed(client: BareClient, { group, names, versions }: CrdSpec): Promise<void> {
  const version = versions.find(({ served }) => served)?.name;
  for (let tries = 1; ; tries += 1) {
    try {
      await client.send('GET', `/apis/${group}/${version}/${names.plural}?limit=1`);
      return;
    } catch (error) {
      if (tries === 300) throw error;
      await sleep(100);
    }
  }
}

function followAudit(file: string): AuditLog {
  let offset = 0;
  let rest = '';

  async function next(): Promise<AuditEvent[]> {
    const events: AuditEvent[] = [];
    const handle = await open(file, 'r');
    try {
      const buffer = Buffer.alloc(4 * 1024 * 1024);
      for (;;) {
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset);
        if (bytesRead === 0) return events;
        offset += bytesRead;
        // Names are ASCII here, so no character is cut in two.
        const lines = (rest + buffer.toString('latin1', 0, bytesRead)).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          // Our own requests are many, and nobody counts them.
          if (!line.includes(`"userAgent":"${bareUserAgent}"`)) events.push(JSON.parse(line) as AuditEvent);
        }
      }
    } finally {
      await handle.close();
    }
  }
  return { next };
}

/** How often something was asked, by what it was; watches are not counted. */
export type Counts = ReadonlyMap<string, number>;

/** Counts requests by their verb, what they are about, and by what a list is selected. */
export function countRequests(events: readonly AuditEvent[]): Counts {
  const counts = new Map<string, number>();
  for (const event of events) {
    if (event.verb === 'watch') continue;
    const title = toTitle(event);
    counts.set(title, (counts.get(title) ?? 0) + 1);
  }
  return counts;
}

/** Whether a request is about a namespace: outputs have it in their labels and names. */
export function isAbout({ requestURI, objectRef }: AuditEvent, namespace: string): boolean {
  return `${requestURI} ${objectRef?.name}`.includes(namespace);
}

function toTitle({ verb, objectRef, requestURI, responseStatus }: AuditEvent): string {
  const { searchParams, pathname } = new URL(requestURI, 'http://any');
  const what = objectRef ? [objectRef.resource, objectRef.subresource].filter(Boolean).join('/') : pathname;
  const fields = (searchParams.get('fieldSelector') ?? '').split(',').map(toName);
  const labels = (searchParams.get('labelSelector') ?? '').split(/,(?![^(]*\))/).map(toName);
  const by = [...fields, ...labels].filter(Boolean);
  const page = searchParams.has('continue') ? ', next page' : '';
  const code = responseStatus?.code ?? 0;
  const group = /x-k8s/.test(objectRef?.apiGroup ?? '') ? ' (x-k8s.io)' : '';
  const said = code >= 300 ? ` → ${code}` : '';
  return `${verb} ${what}${group}${by.length > 0 ? ` by ${by.join(', ')}` : ''}${page}${said}`;
}

/** Of `key=value`, `key in (..)` and `!key` the key. */
function toName(requirement: string): string {
  return requirement.replace(/[=( ].*$/, '').replace(/^kleym\.sonda\.red\//, '');
}

const reads = ['list', 'get'];

export function sumOf(counts: Counts, kind: 'list' | 'get' | 'write'): number {
  const chosen = [...counts].filter(([title]) => {
    const verb = title.slice(0, title.indexOf(' '));
    return kind === 'write' ? !reads.includes(verb) : verb === kind;
  });
  return chosen.reduce((sum, [, count]) => sum + count, 0);
}

/** Prints what was asked, the most frequent first, for each of so many. */
export function printCounts(counts: Counts, size: number): void {
  for (const [title, count] of [...counts].toSorted(([, a], [, b]) => b - a))
    say(`      ${(count / size).toFixed(2).padStart(8)}  ${title}`);
}
