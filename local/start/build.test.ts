import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startCluster } from '@kleym/kube-api';
import { expect, onTestFinished, test } from 'vitest';
import { readDefinitions } from '../crds/definitions.ts';
import { buildStart } from './build.ts';

test('the bundle of `npm start` runs, and finds manifests and the files of the console', async () => {
  const program = await buildStart();
  const cluster = await startCluster({ crds: await readDefinitions() });
  onTestFinished(() => cluster.close());
  const folder = await mkdtemp(join(tmpdir(), 'kleym-start-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'kubeconfig');
  await writeFile(file, cluster.kubeconfig());

  const flags = ['--kubeconfig', file, '--port', '0', '--trust-domain', 'example.org'];
  const child = spawn(process.execPath, [program, ...flags], { cwd: folder });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { console } = await readUntil(lines, 'started');
  for (const path of ['/', '/console.css', '/live'])
    expect((await fetch(`${console}${path}`)).status).toBe(200);
  child.kill('SIGTERM');
  await readUntil(lines, 'stopped');
  expect(await ended).toEqual([0, null]);
});

interface Line {
  readonly msg: string;
  readonly console: string;
}

async function readUntil(lines: AsyncIterator<string>, msg: string): Promise<Line> {
  for (;;) {
    const { done, value } = await lines.next();
    if (done) throw new Error(`it ended before it said "${msg}"`);
    const line = JSON.parse(value) as Line;
    if (line.msg === msg) return line;
  }
}
