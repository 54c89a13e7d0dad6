import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { buildCommand } from '../../cli/build.ts';
import { prepareBlob, writeExecutable } from '../../cli/executable.ts';

const run = promisify(execFile);
const scratch = await mkdtemp(join(tmpdir(), 'kleym-executable-test-'));
afterAll(() => rm(scratch, { recursive: true }));

const built = join(scratch, 'built');
const executable = join(scratch, 'kubectl-kleym');
const examples = join(import.meta.dirname, '..', '..', 'examples');

await buildCommand(built);
await writeExecutable(process.execPath, await prepareBlob(built), executable);

/** Runs it as on a machine that has no Node. */
function runAlone(...args: string[]) {
  return run(executable, args, { cwd: scratch, env: {} });
}

test('the executable renders the examples as the bundle does', async () => {
  const { stdout } = await run(process.execPath, [join(built, 'kubectl-kleym'), 'render', '-f', examples]);
  expect(stdout).toContain('kind: ClusterSPIFFEID\n');
  expect(await runAlone('render', '-f', examples)).toEqual({ stdout, stderr: '' });
});

test('the executable ends as the bundle does', async () => {
  await expect(runAlone('statsu')).rejects.toMatchObject({
    code: 4,
    stderr: 'error: there is no command "statsu"; did you mean status?\n',
  });
});
