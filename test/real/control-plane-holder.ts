import { once } from 'node:events';
import { startControlPlane } from './control-plane.ts';

/* Starts a control plane, tells what it started, and never stops it: the test that runs this looks what becomes of it. */

const { folder, pids } = await startControlPlane();
const { etcd, kubeApiserver } = pids();
process.stdout.write(`${JSON.stringify({ folder, pids: [etcd, kubeApiserver] })}\n`);
await once(process.stdin.resume(), 'end');
