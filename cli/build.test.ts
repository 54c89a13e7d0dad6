import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import { buildCommand } from './build.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');

// Far from any node_modules: what the bundle does not bring along is not there.
const scratch = await mkdtemp(join(tmpdir(), 'kleym-command-'));
const folder = join(scratch, 'built');
await buildCommand(folder);
afterAll(() => rm(scratch, { recursive: true }));

const command = join(folder, 'kubectl-kleym');

test('the package is one program, and what kubectl and npx need beside it', async () => {
  expect((await readdir(folder)).toSorted()).toEqual([
    'LICENSE',
    'README.md',
    'THIRD_PARTY_NOTICES',
    'checksums.txt',
    'kubectl-kleym',
    'kubectl_complete-kleym',
    'package.json',
  ]);
});

test('the bundle is the same bytes wherever it is built, and says nothing of where', async () => {
  const elsewhere = join(scratch, 'another', 'place');
  await buildCommand(elsewhere);
  const text = await readFile(command, 'utf8');
  expect(await readFile(join(elsewhere, 'kubectl-kleym'), 'utf8')).toBe(text);
  expect(text).not.toContain(root);
});

test('the bundle runs alone, and has the definitions in it', async () => {
  const examples = join(root, 'examples');
  const { stdout } = await run(process.execPath, [command, 'check', '-f', examples], { cwd: scratch });
  expect(stdout).toMatch(/^\d+ manifests: .* 0 errors, 0 warnings\n$/);
  await expect(run(process.execPath, [command, 'statsu'], { cwd: scratch })).rejects.toMatchObject({
    code: 4,
    stderr: 'error: there is no command "statsu"; did you mean status?\n',
  });
});

test('who closes the pipe early is no error', async () => {
  const line = `"${process.execPath}" "${command}" render -f "${join(root, 'examples')}" 2>&1 | head -n 1`;
  const { stdout, stderr } = await run('sh', ['-c', line]);
  expect({ stdout, stderr }).toEqual({ stdout: 'apiVersion: spire.spiffe.io/v1alpha1\n', stderr: '' });
});
