import { setTimeout as sleep } from 'node:timers/promises';
import type { Manifest } from '../support/kube-client.ts';
import { required } from './installed.ts';
import { run } from './kubectl.ts';

/** What of a pod SPIRE goes by. */
export interface PodTraits {
  readonly account?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly container?: string;
  readonly nodeSelector?: Readonly<Record<string, string>>;
}

/** A pod that does nothing but be there. */
export function idlePod(
  image: string,
  name: string,
  { account = 'inference-sa', labels = { app: 'model-server' }, container = 'main', ...more }: PodTraits = {},
): Manifest {
  const idle = { name: container, image, args: ['-e', 'setInterval(() => {}, 1e6)'] };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels },
    spec: { serviceAccountName: account, terminationGracePeriodSeconds: 0, containers: [idle], ...more },
  };
}

/** The SPIFFE IDs that a container really gets from SPIRE's agent. */
export async function idsOf(namespace: string, pod: string, container = 'main'): Promise<string[]> {
  const [svid = '', ...args] = required('KLEYM_TEST_SVID').split(' ');
  const { code, out, err } = await run(svid, [...args, namespace, pod, container]);
  // A shell script that fails ends with 1, too: whoever has something to say has not looked.
  if (code > 1 || (code === 1 && err !== '')) throw new Error(`${svid} ended with ${code}: ${err}${out}`);
  return out.split('\n').filter((line) => line.startsWith('spiffe://'));
}

/** Waits until a container gets these SPIFFE IDs, and no others. */
export async function untilIds(namespace: string, pod: string, expected: readonly string[]): Promise<void> {
  const deadline = performance.now() + 660_000;
  for (;;) {
    const found = await idsOf(namespace, pod);
    if (JSON.stringify(found) === JSON.stringify(expected)) return;
    if (performance.now() > deadline) throw new Error(`${pod} gets ${found.join(', ') || 'nothing'}`);
    await sleep(200);
  }
}

/** Longer than SPIRE ever takes at its own settings: 10 s between two passes of its controller, 5 s server, 5 s agent. */
export const surelySeconds = 25;
