import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

function runOn(version: string) {
  const claimed = `data:text/javascript,Object.defineProperty(process, 'versions', { value: { node: '${version}' } })`;
  const required = join(import.meta.dirname, 'require-node.mjs');
  return spawnSync(process.execPath, ['--import', claimed, '--import', required, '-e', ''], {
    encoding: 'utf8',
  });
}

test.each(['20.20.2', '22.18.0'])('Node %s is refused in one line that says what to do', (version) => {
  const { status, stderr } = runOn(version);
  expect(status).toBe(1);
  expect(stderr).toMatch(
    new RegExp(`^kleym: found Node ${version}, expected 22\\.19 or newer: run "npm ci" .*\n$`),
  );
});

test.each(['22.19.0', '24.0.0', '100.0.0'])('Node %s will do', (version) => {
  expect(runOn(version)).toMatchObject({ status: 0, stderr: '' });
});
