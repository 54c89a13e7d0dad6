import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { guessPlural } from '../../local/eventing/api-server-event.ts';
import type { PingWiring, SourceWiring } from '../../local/eventing/wiring.ts';
import type { Manifest, KubeClient } from '../support/kube-client.ts';
import { installDefinition } from '../support/test-cluster.ts';
import { findFreePorts } from './free-ports.ts';
import type { KeptProcess, KeptProcesses } from './kept-processes.ts';
import type { KnativePrograms } from './knative-programs.ts';

/** Where events go, and whose eyes the sources see the API server with. */
export interface SourceSurroundings {
  readonly programs: KnativePrograms;
  readonly processes: KeptProcesses;
  /** The path of a kubeconfig. */
  readonly kubeconfig: string;
  readonly sink: string;
  /** Where it sends its spans; without it records none. */
  readonly otlp?: string;
}

/**
 * Starts the adapter of an ApiServerSource, told what to do as Knative's controller tells it.
 * It listens on port 8080 of all interfaces, which cannot be changed, but lives on without a word where that is taken.
 */
export async function startReceiveAdapter(
  source: SourceWiring,
  namespaces: readonly string[],
  { programs, processes, kubeconfig, sink, otlp }: SourceSurroundings,
): Promise<KeptProcess> {
  return processes.start(source.name, programs.receiveAdapter, [`--kubeconfig=${kubeconfig}`], {
    NAME: source.name,
    NAMESPACE: source.namespace,
    SYSTEM_NAMESPACE: 'knative-eventing',
    K_SINK: sink,
    K_SOURCE_CONFIG: JSON.stringify(toConfig(source, namespaces)),
    K_CE_OVERRIDES: JSON.stringify({ extensions: source.extensions }),
    ...(await commonSettings(otlp)),
  });
}

function toConfig(source: SourceWiring, namespaces: readonly string[]): object {
  const [version = '', group = ''] = source.apiVersion.split('/').toReversed();
  return {
    namespaces: source.allNamespaces ? namespaces : [source.namespace],
    allNamespaces: source.allNamespaces,
    resources: [
      {
        gvr: { Group: group, Version: version, Resource: guessPlural(source.resourceKind) },
        ...(source.labelSelector !== undefined && { selector: source.labelSelector }),
      },
    ],
    mode: source.mode,
  };
}

/** Profiles are served on all interfaces, too; on a port of one's own they are in nobody's way. */
async function commonSettings(otlp?: string): Promise<Record<string, string>> {
  const [port = 0] = await findFreePorts(1);
  const tracing = { protocol: 'http/protobuf', endpoint: `${otlp}/v1/traces`, samplingRate: 1 };
  const observability = otlp === undefined ? {} : { tracing };
  return { PROFILING_PORT: String(port), K_OBSERVABILITY_CONFIG: JSON.stringify(observability) };
}

const pingNamespace = 'knative-eventing';

/** Starts the program behind all PingSources; what it wants to find in the cluster is installed before. */
export async function startPingAdapter(
  kube: KubeClient,
  { programs, processes, kubeconfig }: SourceSurroundings,
): Promise<KeptProcess> {
  const definition = parse(await readFile(programs.pingSourceDefinition, 'utf8')) as Manifest;
  // The webhook that converts between its versions is not there; the stored one needs no conversion.
  const spec = { ...(definition['spec'] as object), conversion: { strategy: 'None' } };
  await installDefinition(kube, { ...definition, spec });
  await kube.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: pingNamespace } });
  for (const name of ['config-logging', 'config-observability'])
    await kube.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: pingNamespace } });
  return processes.start('mtping', programs.pingAdapter, [`--kubeconfig=${kubeconfig}`, '--disable-ha'], {
    NAMESPACE: pingNamespace,
    SYSTEM_NAMESPACE: pingNamespace,
    POD_NAME: 'pingsource-mt-adapter-0',
    K_SINK_TIMEOUT: '-1',
    K_NO_SHUTDOWN_AFTER: '55',
    ...(await commonSettings()),
  });
}

/** Creates a PingSource as the manifest has it, but in this rhythm, and says what Knative's controller would say of it. */
export async function createPingSource(
  kube: KubeClient,
  ping: PingWiring,
  { schedule, sink }: { readonly schedule: string; readonly sink: string },
): Promise<Manifest> {
  const { name, namespace, data, contentType } = ping;
  const content = { ...(data !== undefined && { data }), ...(contentType !== undefined && { contentType }) };
  const source: Manifest = {
    apiVersion: 'sources.knative.dev/v1',
    kind: 'PingSource',
    metadata: { name, namespace },
    spec: { schedule, ...content, sink: { uri: sink } },
  };
  await kube.create(source);
  const conditions = [{ type: 'Ready', status: 'True' }];
  await kube.edit(source, { status: { sinkUri: sink, conditions } }, 'status');
  return source;
}
