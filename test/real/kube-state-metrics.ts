import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findFreePorts } from './free-ports.ts';
import { type GoModule, downloadGoModule } from './go-module.ts';
import { type Workshop, buildGoPart } from './go-part.ts';
import type { KeptProcesses } from './kept-processes.ts';

const kubeStateMetricsModule: GoModule = {
  path: 'k8s.io/kube-state-metrics/v2',
  version: 'v2.15.0',
  checksum: 'h1:0qSA+hVCj5p2QSYnbz6NPNflct3C1kPAIhF8ZtMKpIk=',
};

/** Finds or builds kube-state-metrics; returns the path of the program. */
export async function provideKubeStateMetrics(workshop: Workshop): Promise<string> {
  const folder = await downloadGoModule(kubeStateMetricsModule, workshop.env);
  const { version } = kubeStateMetricsModule;
  return await buildGoPart(
    { name: 'kube-state-metrics', version, folder, package: '.', ldflags: '' },
    workshop,
  );
}

/** A kube-state-metrics that shows custom resources and nothing else. */
export interface KubeStateMetrics {
  /** What Prometheus would get now. */
  scrape(): Promise<string>;
  /** All that it wrote so far. */
  log(): Promise<string>;
}

/** Starts kube-state-metrics with this file of custom resources, under the name of whoever the kubeconfig is for. */
export async function startKubeStateMetrics(
  program: string,
  processes: KeptProcesses,
  { kubeconfig, config }: { readonly kubeconfig: string; readonly config: string },
): Promise<KubeStateMetrics> {
  const [port = 0, telemetryPort = 0] = await findFreePorts(2);
  const file = join(processes.folder, 'kube-state-metrics.yaml');
  await writeFile(file, config);
  processes.start('kube-state-metrics', program, [
    '--host=127.0.0.1',
    `--port=${port}`,
    '--telemetry-host=127.0.0.1',
    `--telemetry-port=${telemetryPort}`,
    `--kubeconfig=${kubeconfig}`,
    '--custom-resource-state-only=true',
    `--custom-resource-state-config-file=${file}`,
  ]);
  return {
    scrape: async () => await (await fetch(`http://127.0.0.1:${port}/metrics`)).text(),
    log: () => processes.read('kube-state-metrics'),
  };
}
