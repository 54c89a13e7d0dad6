import { request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { parse } from 'yaml';
import type { Manifest, Stored } from '../support/kube-client.ts';
import { readManifests } from '../support/kustomization.ts';
import { readDefinitions } from '../../local/crds/definitions.ts';
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from './control-plane.ts';

/** What the API server answered: the object, or what it said instead. */
export interface Answer {
  readonly status: number;
  readonly message: string;
  readonly object: Stored;
}

/** One request to the API server, under one's own name or, of an administrator's, under another one. */
interface Asking {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly content?: object;
  readonly user?: string;
  readonly groups?: readonly string[];
}

/** A real API server on which the manifests of knative/ are installed, as far as it knows their kinds. */
export interface InstalledKleym {
  readonly plane: ControlPlane;
  /** Asks as an administrator, or as whom the administrator impersonates. */
  ask(asking: Asking): Promise<Answer>;
  /** Asks, and throws unless it is done. */
  must(asking: Asking): Promise<Stored>;
  create(object: Manifest): Promise<Stored>;
  /** A kubeconfig with a token that the API server made for this ServiceAccount of kleym-system. */
  kubeConfigFor(serviceAccount: string): Promise<KubeConfig>;
}

/** The account that everything is about. */
export const reconcileAccount = 'system:serviceaccount:kleym-system:reconcile';

export const outputsPath = '/apis/spire.spiffe.io/v1alpha1/clusterspiffeids';

// What ServiceAccounts asked; the administrator's doings are of no interest.
const auditPolicy = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - { level: Metadata, userGroups: ['system:serviceaccounts'] }
  - { level: None }
`;

/** The admission policies and their bindings, with the settings of the example. */
export const admissionPolicies: readonly Manifest[] = readManifests('overlays/example').filter(
  ({ apiVersion }) => apiVersion.startsWith('admissionregistration.k8s.io/'),
);

/** Starts an API server and installs what the example has of kinds that it knows, and the definitions of others. */
export async function installKleym(
  options: Pick<ControlPlaneOptions, 'apiserverArgs'> = {},
): Promise<InstalledKleym> {
  const plane = await startControlPlane({ auditPolicy, ...options });
  try {
    return await installOn(plane);
  } catch (error) {
    await plane.stop();
    throw error;
  }
}

async function installOn(plane: ControlPlane): Promise<InstalledKleym> {
  const ask = (asking: Asking) => send(plane, asking);

  async function must(asking: Asking): Promise<Stored> {
    const { status, message, object } = await ask(asking);
    if (status < 300) return object;
    throw new Error(`${asking.method} ${asking.path}: answered ${status}, ${message}`);
  }
  const create = (object: Manifest) => must({ method: 'POST', path: toListPath(object), content: object });

  async function kubeConfigFor(serviceAccount: string): Promise<KubeConfig> {
    const path = `/api/v1/namespaces/kleym-system/serviceaccounts/${serviceAccount}/token`;
    const content = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: 3600 },
    };
    const { status } = (await must({ method: 'POST', path, content })) as Stored & {
      status: { token: string };
    };
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromString(plane.kubeconfigFor(status.token));
    return kubeConfig;
  }

  const objects = readManifests('overlays/example').filter(
    ({ apiVersion }) => !apiVersion.includes('knative'),
  );
  for (const object of objects.toSorted(byDependence)) await create(object);
  for (const definition of await readDefinitions()) {
    const object = parse(definition) as Manifest;
    if (!object.metadata.name.endsWith('kleym.sonda.red')) await create(object);
  }
  const installed = { plane, ask, must, create, kubeConfigFor };
  await untilInForce(installed);
  return installed;
}

/** What others need comes first. */
function byDependence(a: Manifest, b: Manifest): number {
  const order = ['Namespace', 'CustomResourceDefinition'];
  const rank = ({ kind }: Manifest) => (order.includes(kind) ? order.indexOf(kind) : order.length);
  return rank(a) - rank(b);
}

/** Policies take effect a moment after they are stored. */
export async function untilInForce({ ask }: Pick<InstalledKleym, 'ask'>): Promise<void> {
  const output = {
    apiVersion: 'spire.spiffe.io/v1alpha1',
    kind: 'ClusterSPIFFEID',
    metadata: { name: 'kleym-probe' },
  };
  const probe = {
    method: 'POST',
    path: `${outputsPath}?dryRun=All`,
    content: { ...output, spec: { spiffeIDTemplate: 'x' } },
  } as const;
  const missing = '/apis/kleym.sonda.red/v1alpha1/namespaces/default/inferenceidentitybindings';
  let answers: Answer[] = [];
  for (let tries = 1; tries <= 150; tries += 1) {
    answers = [await ask(probe), await ask({ ...probe, user: reconcileAccount })];
    const served = await ask({ method: 'GET', path: missing });
    const refused = answers.every(
      ({ status, message }) => status === 422 && / denied request: found /.test(message),
    );
    if (refused && served.status === 200) return;
    await sleep(100);
  }
  const words = answers.map(({ status, message }) => `${status} ${message}`);
  throw new Error(`the admission policies did not take effect; the API server says: ${words.join('; ')}`);
}

const plurals: Readonly<Record<string, string>> = {
  MutatingAdmissionPolicy: 'mutatingadmissionpolicies',
  MutatingAdmissionPolicyBinding: 'mutatingadmissionpolicybindings',
  ValidatingAdmissionPolicy: 'validatingadmissionpolicies',
  ValidatingAdmissionPolicyBinding: 'validatingadmissionpolicybindings',
};

/** Where objects of this kind, in this namespace, are listed and created. */
export function toListPath({
  apiVersion,
  kind,
  metadata,
}: Pick<Manifest, 'apiVersion' | 'kind' | 'metadata'>): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const place = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${root}${place}/${plurals[kind] ?? `${kind.toLowerCase()}s`}`;
}

/** Where this object is. */
export function toPath(object: Pick<Manifest, 'apiVersion' | 'kind' | 'metadata'>): string {
  return `${toListPath(object)}/${object.metadata.name}`;
}

function send(
  { url, ca, adminToken }: ControlPlane,
  { method, path, content, user, groups = [] }: Asking,
): Promise<Answer> {
  const body = content === undefined ? '' : JSON.stringify(content);
  return new Promise((resolve, reject) => {
    const headers = {
      // Node leaves it off a DELETE, and the body would not be read.
      'content-length': Buffer.byteLength(body),
      authorization: `Bearer ${adminToken}`,
      'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
      ...(user !== undefined && { 'impersonate-user': user }),
      ...(groups.length > 0 && { 'impersonate-group': [...groups] }),
    };
    const asked = request(`${url}${path}`, { ca, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve(toAnswer(response.statusCode ?? 0, Buffer.concat(chunks).toString())));
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

function toAnswer(status: number, text: string): Answer {
  const object = parse(text) as Stored & { message?: string };
  return { status, message: object.message ?? '', object };
}
