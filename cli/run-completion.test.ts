import { expect, test } from 'vitest';
import { useCommand } from '../test/support/command.ts';
import { poolBinding } from '../test/support/manifests.ts';

test('the shell is told words, names from the cluster, and whether files are meant', async () => {
  const command = await useCommand();
  for (const name of ['default', 'team-a'])
    await command.kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  const draft = poolBinding('chat');
  await command.kube.create({ ...draft, metadata: { ...draft.metadata, namespace: 'team-a' } });
  const complete = async (...args: string[]) => (await command.runWords(['__complete', ...args])).output;
  expect(await complete('why', 'po')).toMatch(/^pod\twhich identities .*\n:4\n$/);
  expect(await complete('-n', 'team-a', 'inspect', 'binding', '')).toBe('chat\n:4\n');
  expect(await complete('status', '-n', 'te')).toBe('team-a\n:4\n');
  expect(await complete('status', '--context', '')).toBe('prod\ntest\n:4\n');
  expect(await complete('check', '-f', '')).toBe(':0\n');
  command.forbid(() => true);
  expect(await complete('inspect', 'binding', '')).toBe(':4\n');
});
