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
  const console = await readConsoleUrl(child.stdout);
  for (const path of ['/', '/console.css', '/live'])
    expect((await fetch(`${console}${path}`)).status).toBe(200);
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});

async function readConsoleUrl(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: output })) {
    const said = JSON.parse(line) as { readonly msg: string; readonly console: string };
    if (said.msg !== 'started') continue;
    output.resume();
    return said.console;
  }
  throw new Error('it ended before it started');
}
