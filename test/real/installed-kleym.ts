import { request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { parse } from 'yaml';
import {
  type Answer,
  type KubeClient,
  type Manifest,
  type Stored,
  createKubeClient,
} from '../support/kube-client.ts';
import { readExample } from '../support/kustomization.ts';
import { readDefinitions } from '../../local/crds/definitions.ts';
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from './control-plane.ts';

/** A real API server on which the manifests of knative/ are installed, as far as it knows their kinds. One asks as its administrator. */
export interface InstalledKleym extends Pick<KubeClient, 'ask' | 'must' | 'create'> {
  readonly plane: ControlPlane;
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
export const admissionPolicies: readonly Manifest[] = readExample().filter(({ apiVersion }) =>
  apiVersion.startsWith('admissionregistration.k8s.io/'),
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
  const kube = createKubeClient(plane.url, fetchFrom(plane));

  async function kubeConfigFor(serviceAccount: string): Promise<KubeConfig> {
    const path = `/api/v1/namespaces/kleym-system/serviceaccounts/${serviceAccount}/token`;
    const content = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: 3600 },
    };
    const { status } = (await kube.must({ method: 'POST', path, content })) as Stored & {
      status: { token: string };
    };
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromString(plane.kubeconfigFor(status.token));
    return kubeConfig;
  }

  const objects = readExample().filter(({ apiVersion }) => !apiVersion.includes('knative'));
  for (const object of objects.toSorted(byDependence)) await kube.create(object);
  for (const definition of await readDefinitions()) {
    const object = parse(definition) as Manifest;
    if (!object.metadata.name.endsWith('kleym.sonda.red')) await kube.create(object);
  }
  const installed = { ...kube, plane, kubeConfigFor };
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
  const settings = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'kleym-config-probe', labels: { 'app.kubernetes.io/part-of': 'kleym' } },
  };
  const configMaps = '/api/v1/namespaces/kleym-system/configmaps?dryRun=All';
  const missing = '/apis/kleym.sonda.red/v1alpha1/namespaces/default/inferenceidentitybindings';
  let answers: Answer[] = [];
  for (let tries = 1; tries <= 150; tries += 1) {
    answers = [await ask(probe), await ask({ ...probe, user: reconcileAccount })];
    const served = await ask({ method: 'GET', path: missing });
    answers.push(await ask({ method: 'POST', path: configMaps, content: settings }));
    const refused = answers.every(
      ({ status, message }) => status === 422 && / denied request: (found |KLEYM_)/.test(message),
    );
    if (refused && served.status === 200) return;
    await sleep(100);
  }
  const words = answers.map(({ status, message }) => `${status} ${message}`);
  throw new Error(`the admission policies did not take effect; the API server says: ${words.join('; ')}`);
}

/** An administrator's requests. fetch would join the groups of one who is impersonated, and it trusts no other CA. */
function fetchFrom({ ca, adminToken }: ControlPlane) {
  return (url: string, { method = 'GET', headers, body }: RequestInit): Promise<Response> => {
    const text = typeof body === 'string' ? body : '';
    const groups = (headers as [string, string][]).filter(([name]) => name === 'impersonate-group');
    const sent = {
      ...Object.fromEntries(headers as [string, string][]),
      ...(groups.length > 0 && { 'impersonate-group': groups.map(([, group]) => group) }),
      // Node leaves it off a DELETE, and the body would not be read.
      'content-length': Buffer.byteLength(text),
      authorization: `Bearer ${adminToken}`,
    };
    return new Promise((resolve, reject) => {
      const asked = request(url, { ca, method, headers: sent, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve(new Response(Buffer.concat(chunks), { status: response.statusCode ?? 0 })),
        );
      });
      asked.on('error', reject);
      asked.end(text);
    });
  };
}
