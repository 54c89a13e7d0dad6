import { readFile } from 'node:fs/promises';
import type { Manifest } from '../support/kube-client.ts';
import { required } from './installed.ts';

/** What runs as a recorder, and where it is reached. */
interface Recorder {
  readonly name: string;
  readonly namespace: string;
  /** A program of one file, which the Node of the image runs. */
  readonly file: string;
  /** The port on which the program listens. */
  readonly port: number;
  readonly servicePort: number;
}

/** A program of the tests as a pod that the strictest pod security admits, and a Service before it. */
export async function renderRecorder({
  name,
  namespace,
  file,
  port,
  servicePort,
}: Recorder): Promise<Manifest[]> {
  const metadata = { name, namespace };
  const labels = { app: name };
  const container = {
    name,
    image: required('KLEYM_TEST_IMAGE'),
    args: ['/recorder/recorder.ts'],
    ports: [{ containerPort: port }],
    readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [{ name: 'program', mountPath: '/recorder' }],
  };
  const pod = {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 1,
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [container],
    volumes: [{ name: 'program', configMap: { name } }],
  };
  return [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata,
      data: { 'recorder.ts': await readFile(file, 'utf8') },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: pod } },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: labels, ports: [{ name: 'http', port: servicePort, targetPort: port }] },
    },
  ];
}
