import type { Hono } from 'hono';
import type { Logger } from 'pino';
import { type Configured, type ServingConfig, parseServingConfig } from './config.ts';
import { type Handler, functionApp } from '../events/function-app.ts';
import { serve } from './serve.ts';
import type { ApiServer } from '../kube/api-server.ts';
import type { Cluster } from '../kube/cluster.ts';
import { createCluster } from '../kube/create-cluster.ts';
import { findPod, openFromPod } from '../kube/pod-server.ts';
import { type Telemetry, startTelemetry } from '../telemetry/telemetry.ts';
import { createLog } from './log.ts';

/** How a function is made from its configuration, which is read once. */
interface FunctionSetup<Config extends ServingConfig> {
  readonly name: string;
  readonly parseConfig: (environment: NodeJS.ProcessEnv) => Configured<Config>;
  readonly prepare: (config: Config, log: Logger, count: Telemetry['count']) => Handler | Promise<Handler>;
}

/** Runs a mapper that makes no call. */
export async function runMapper(name: string, mapper: () => Handler): Promise<void> {
  await runFunction({ name, parseConfig: parseServingConfig, prepare: mapper });
}

/** Runs a mapper that reads the cluster. */
export async function runClusterMapper(name: string, mapper: (cluster: Cluster) => Handler): Promise<void> {
  await runFunction({
    name,
    parseConfig: parseServingConfig,
    prepare: async () => mapper(await connectCluster()),
  });
}

/** The cluster of this pod, or that of KUBECONFIG. */
export async function connectCluster(): Promise<Cluster> {
  return createCluster(await openApiServer());
}

/**
 * The API server of this pod, or that of KUBECONFIG. The client for kubeconfigs is loaded only if it is needed, because it
 * takes longer than everything else.
 */
export async function openApiServer(environment: NodeJS.ProcessEnv = process.env): Promise<ApiServer> {
  const pod = environment['KUBECONFIG'] ? undefined : findPod(environment);
  if (pod) return openFromPod(pod);
  const { loadKubeConfig, openByKubeConfig } = await import('../kube/kube-cluster.ts');
  return openByKubeConfig(loadKubeConfig({}));
}

/** Runs one function as a process. The port opens first, and early events wait until everything is loaded. */
export async function runFunction<Config extends ServingConfig>(setup: FunctionSetup<Config>): Promise<void> {
  const { name, parseConfig, prepare } = setup;
  const config = parseConfig(process.env);
  if (config.kind === 'invalid') return fail(name, config.message);

  const { port, host, graceMs, logLevel, telemetry: wanted } = config.value;
  const log = createLog({ service: name, level: logLevel });
  const prepared = Promise.withResolvers<Handler>();
  try {
    const { startSpan, count, close } = await startTelemetry({
      ...wanted,
      function: name,
      revision: process.env['K_REVISION'],
      log,
    });
    const app = functionApp(name, async (event, context) => (await prepared.promise)(event, context), {
      log,
      startSpan,
    });
    await serve(app, { port, host, graceMs, log, beforeEnd: close });
    prepared.resolve(await prepare(config.value, log, count));
  } catch (error) {
    fail(name, error instanceof Error ? error.message : String(error));
  }
}

/** Runs an application as a process that takes no events. */
export async function runApplication<Config extends ServingConfig>(setup: {
  readonly name: string;
  readonly parseConfig: (environment: NodeJS.ProcessEnv) => Configured<Config>;
  readonly create: (config: Config, log: Logger) => Promise<Hono>;
}): Promise<void> {
  const { name, parseConfig, create } = setup;
  const config = parseConfig(process.env);
  if (config.kind === 'invalid') return fail(name, config.message);

  const log = createLog({ service: name, level: config.value.logLevel });
  try {
    const app = await create(config.value, log);
    await serve(app, { ...config.value, log });
  } catch (error) {
    fail(name, error instanceof Error ? error.message : String(error));
  }
}

function fail(name: string, message: string): never {
  process.stderr.write(`${name}: ${message.replaceAll(/\s+/g, ' ')}\n`);
  process.exit(1);
}
