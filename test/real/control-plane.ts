import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { type ControlPlanePrograms, provideControlPlane } from './control-plane-programs.ts';
import { findFreePorts } from './free-ports.ts';
import { type KeptProcess, type KeptProcesses, openKeptProcesses } from './kept-processes.ts';

/** A real kube-apiserver on a real etcd, with RBAC. No controllers and no nodes: nothing is collected, namespaces never end. */
export interface ControlPlane {
  readonly url: string;
  /** The certificates that the API server's own is checked by, as PEM. */
  readonly ca: string;
  readonly adminToken: string;
  /** The path of a kubeconfig for `system:masters`. */
  readonly kubeconfigFile: string;
  /** The text of that kubeconfig. */
  readonly kubeconfig: string;
  /** A folder that is removed with the control plane. */
  readonly folder: string;
  /** The ids of the processes that run now. */
  readonly pids: () => { readonly etcd: number; readonly kubeApiserver: number };
  /** The text of a kubeconfig for whoever a token belongs to. */
  readonly kubeconfigFor: (token: string) => string;
  /** What the API server wrote down so far; empty unless `auditPolicy` was given. */
  readonly audit: () => Promise<AuditEvent[]>;
  /** Takes history away, so that what is read from older resourceVersions is refused, sooner or later. */
  readonly compact: () => Promise<void>;
  /** Ends the API server, by SIGKILL unless told otherwise (SIGTERM takes a minute while watches are open). */
  readonly kill: (signal?: 'SIGKILL' | 'SIGTERM') => Promise<void>;
  /** Starts the API server again, on its port and its data; ends it before where it runs. */
  readonly restart: () => Promise<void>;
  /** Lets the API server stand still: connections are accepted and nothing is answered. */
  readonly freeze: () => void;
  readonly thaw: () => void;
  readonly stop: () => Promise<void>;
}

/** A line of the audit log, with the fields that tests read. */
export interface AuditEvent {
  readonly stage: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string };
  readonly userAgent?: string;
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource: string;
    readonly namespace?: string;
    readonly name?: string;
    readonly subresource?: string;
  };
  readonly responseStatus?: { readonly code: number };
  readonly [field: string]: unknown;
}

export interface ControlPlaneOptions {
  /** The YAML of an audit.k8s.io/v1 Policy. */
  readonly auditPolicy?: string;
  /** More flags for kube-apiserver. */
  readonly apiserverArgs?: readonly string[];
  /** Where it says what it builds; standard error unless told otherwise. */
  readonly say?: (line: string) => void;
  /** How ports are chosen; free ones unless told otherwise. */
  readonly findPorts?: typeof findFreePorts;
}

function sayToStderr(line: string): void {
  process.stderr.write(`${line}\n`);
}

interface Plan {
  readonly programs: ControlPlanePrograms;
  readonly options: ControlPlaneOptions;
  readonly adminToken: string;
}

const mostStarts = 5;
const readyMs = 90_000;

/** Starts a control plane on free ports of the loopback interface. It ends with `stop`, or with this process. */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const programs = await provideControlPlane({ env: process.env, say: options.say ?? sayToStderr });
  const plan = { programs, options, adminToken: randomBytes(16).toString('hex') };
  for (let start = 1; ; start += 1) {
    const processes = await openKeptProcesses('kleym-cp');
    try {
      return await startOnce(plan, processes);
    } catch (error) {
      await processes.end();
      if (!(error instanceof PortTakenError) || start === mostStarts) throw error;
    }
  }
}

/** Between the choice of a port and its use somebody else took it. */
class PortTakenError extends Error {}

async function startOnce(plan: Plan, processes: KeptProcesses): Promise<ControlPlane> {
  const { folder } = processes;
  const [port = 0, etcdPort = 0, peerPort = 0] = await (plan.options.findPorts ?? findFreePorts)(3);
  const [url, etcdUrl] = [`https://127.0.0.1:${port}`, `http://127.0.0.1:${etcdPort}`];
  await writeInputs(folder, plan);
  const etcd = processes.start('etcd', plan.programs.etcd, etcdArgs(etcdUrl, `http://127.0.0.1:${peerPort}`));
  let apiserver: KeptProcess;

  async function launch(): Promise<void> {
    const args = [...apiserverArgs(port, etcdUrl, plan.options), ...(plan.options.apiserverArgs ?? [])];
    apiserver = processes.start('kube-apiserver', plan.programs.kubeApiserver, args);
    await untilReady(url, folder, plan.adminToken, [etcd, apiserver]);
  }

  await launch();
  const ca = await readFile(join(folder, certificate), 'utf8');
  const kubeconfigFor = (token: string) => toKubeconfig(url, ca, token);
  const kubeconfigFile = join(folder, 'kubeconfig');
  const kubeconfig = kubeconfigFor(plan.adminToken);
  await writeFile(kubeconfigFile, kubeconfig, { mode: 0o600 });
  return {
    url,
    ca,
    adminToken: plan.adminToken,
    kubeconfigFile,
    kubeconfig,
    folder,
    kubeconfigFor,
    pids: () => ({ etcd: etcd.pid, kubeApiserver: apiserver.pid }),
    audit: () => readAudit(join(folder, auditLog)),
    compact: () => compactEtcd(etcdUrl),
    kill: (signal = 'SIGKILL') => apiserver.kill(signal),
    restart: async () => {
      await apiserver.kill('SIGKILL');
      await launch();
    },
    freeze: () => apiserver.signal('SIGSTOP'),
    thaw: () => apiserver.signal('SIGCONT'),
    stop: () => processes.end(),
  };
}

// Names of files in the folder; the programs run in it.
const certificate = 'certs/apiserver.crt';
const auditLog = 'audit.log';
const auditPolicy = 'audit-policy.yaml';
const tokens = 'tokens.csv';
const signingKey = 'service-accounts.key';

async function writeInputs(folder: string, { adminToken, options }: Plan): Promise<void> {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const secret = { mode: 0o600 };
  await writeFile(join(folder, signingKey), privateKey.export({ type: 'pkcs1', format: 'pem' }), secret);
  await writeFile(join(folder, tokens), `${adminToken},admin,admin,"system:masters"\n`, secret);
  if (options.auditPolicy !== undefined) await writeFile(join(folder, auditPolicy), options.auditPolicy);
}

function etcdArgs(url: string, peerUrl: string): string[] {
  return [
    '--data-dir=etcd',
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=${peerUrl}`,
    // The data need not outlive the machine's next power cut.
    '--unsafe-no-fsync',
    '--log-level=error',
  ];
}

function apiserverArgs(port: number, etcdUrl: string, options: ControlPlaneOptions): string[] {
  const audit = [
    `--audit-log-path=${auditLog}`,
    `--audit-policy-file=${auditPolicy}`,
    '--audit-log-mode=blocking-strict',
  ];
  return [
    `--etcd-servers=${etcdUrl}`,
    `--secure-port=${port}`,
    '--bind-address=127.0.0.1',
    // Both: on a machine without another interface it would find no address to put into its Service's endpoints.
    '--advertise-address=127.0.0.1',
    '--endpoint-reconciler-type=none',
    '--cert-dir=certs',
    '--service-cluster-ip-range=10.0.0.0/24',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${signingKey}`,
    `--service-account-signing-key-file=${signingKey}`,
    `--token-auth-file=${tokens}`,
    '--authorization-mode=RBAC',
    // Nobody makes the service account `default` that this one asks of every Pod.
    '--disable-admission-plugins=ServiceAccount',
    ...(options.auditPolicy === undefined ? [] : audit),
  ];
}

async function untilReady(
  url: string,
  folder: string,
  token: string,
  processes: readonly KeptProcess[],
): Promise<void> {
  const deadline = Date.now() + readyMs;
  while (!(await isReady(url, folder, token))) {
    const dead = processes.find((each) => !each.isRunning());
    if (dead !== undefined) throw await toStartError(dead);
    if (Date.now() > deadline) {
      const tails = await Promise.all(processes.map((each) => each.tail()));
      throw new Error(
        `the control plane was not ready after ${readyMs / 1000} s; it wrote:\n${tails.join('\n')}`,
      );
    }
    await sleep(50);
  }
}

async function isReady(url: string, folder: string, token: string): Promise<boolean> {
  const ca = await readFile(join(folder, certificate)).catch(() => undefined);
  if (ca === undefined) return false;
  return new Promise((resolve) => {
    const options = { ca, agent: false, timeout: 2000, headers: { authorization: `Bearer ${token}` } };
    const asked = request(`${url}/readyz`, options, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(false));
    asked.end();
  });
}

async function toStartError(dead: KeptProcess): Promise<Error> {
  const tail = await dead.tail();
  if (/address already in use/.test(tail)) return new PortTakenError(`a port was taken:\n${tail}`);
  return new Error(`a part of the control plane ended while it started; it wrote:\n${tail}`);
}

function toKubeconfig(server: string, ca: string, token: string): string {
  const name = 'kleym-test';
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name, cluster: { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') } },
    ],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: 'default' } }],
    'current-context': name,
  });
}

async function readAudit(file: string): Promise<AuditEvent[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  // The last line may be half written.
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  return lines.filter(Boolean).map((line) => JSON.parse(line) as AuditEvent);
}

async function askEtcd(url: string, path: string, body: object): Promise<{ header: { revision: string } }> {
  const answer = await fetch(`${url}${path}`, { method: 'POST', body: JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`etcd answered ${answer.status} to ${path}: ${text}`);
  return JSON.parse(text) as { header: { revision: string } };
}

async function compactEtcd(url: string): Promise<void> {
  const { header } = await askEtcd(url, '/v3/kv/range', { key: Buffer.from('compact').toString('base64') });
  await askEtcd(url, '/v3/kv/compaction', { revision: header.revision, physical: true });
}
