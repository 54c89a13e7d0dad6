import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Manifest } from '../support/kube-client.ts';
import { type GoModule, downloadGoModule } from './go-module.ts';

const operatorModule: GoModule = {
  path: 'github.com/prometheus-operator/prometheus-operator',
  version: 'v0.85.0',
  checksum: 'h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=',
};

/** Prometheus Operator's definition of PrometheusRule, as it ships it. */
export async function readPrometheusRuleDefinition(env: NodeJS.ProcessEnv): Promise<Manifest> {
  const folder = await downloadGoModule(operatorModule, env);
  const file = 'monitoring.coreos.com_prometheusrules.yaml';
  return parse(await readFile(join(folder, 'example', 'prometheus-operator-crd', file), 'utf8')) as Manifest;
}
