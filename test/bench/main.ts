// How fast the product is, as ratios to what a bare client needs for the same writes on the same API server in the same
// run: absolute figures say more about the machine than about us.
//
//   npm run bench                                        on a cluster in this process
//   npm run bench -- --kubeconfig FILE [--size 100]      on a real one
import { parseArgs } from 'node:util';
import { KubeConfig } from '@kubernetes/client-node';
import { loadKubeConfig } from '../../shared/kube/kube-cluster.ts';
import { startEmbedded } from '../../local/embedded.ts';
import { type Figures, runBench } from './run-bench.ts';

const { values } = parseArgs({
  options: { kubeconfig: { type: 'string' }, size: { type: 'string', default: '100' } },
});
const size = Number(values.size);
const embedded = values.kubeconfig === undefined ? await startEmbedded(0, undefined) : undefined;
try {
  const kubeConfig = embedded
    ? toKubeConfig(embedded.kubeconfig())
    : loadKubeConfig({ file: values.kubeconfig ?? '' });
  print(await runBench(kubeConfig, size));
} finally {
  await embedded?.close();
}

function toKubeConfig(text: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromString(text);
  return config;
}

function print({ bare, burst, single, bareSingle, move, rewritten }: Figures): void {
  const perSecond = (ms: number): string => `${((size * 1000) / ms).toFixed(1)}/s`.padStart(9);
  const lines = [
    `${size} bindings on ${embedded ? 'a cluster in this process' : 'a real API server'}`,
    `bare client, the same five writes a binding   ${perSecond(bare)}`,
    `created until Ready                           ${perSecond(burst)}   ${(burst / bare).toFixed(2)} times the bare client's time`,
    `one more binding until Ready                  ${`${single.toFixed(0)} ms`.padStart(9)}   ${(single / bareSingle).toFixed(2)} times the bare client's time`,
    `pool edited until all outputs have moved      ${perSecond(move)}   ${(move / bare).toFixed(2)} times the bare client's time for creating them`,
    `objects written in an idle sweep              ${String(rewritten).padStart(9)}`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}
