import { startControlPlane } from './control-plane.ts';

/** Starts the one API server that the behaviour suite runs on, and names it to the tests. */
export async function setup(): Promise<() => Promise<void>> {
  const controlPlane = await startControlPlane({ say: (line) => void process.stdout.write(`${line}\n`) });
  process.env['KLEYM_TEST_KUBECONFIG'] = controlPlane.kubeconfigFile;
  return controlPlane.stop;
}
