import { expect, test } from 'vitest';
import { connectTo } from '../../cli/kube/connection.ts';
import { runTrial } from '../../cli/doctor/trial.ts';
import { bindingResource } from '../../shared/api/binding.ts';
import { poolResources } from '../../shared/api/pool.ts';
import { openByKubeConfig } from '../../shared/kube/kube-config-server.ts';
import { useCluster } from '../support/test-cluster.ts';

// `kubectl kleym doctor --trial` sends a binding through, and leaves nothing behind.

const cluster = await useCluster();
const connection = connectTo(openByKubeConfig(cluster.kubeConfig), 'default');
const suffix = `t${Date.now().toString(36)}`;
const names = [`kleym-trial-${suffix}`, `kleym-trial-${suffix}x`];

/** A clock that goes a second with each look. */
function createTools(ending: string) {
  let now = 0;
  return {
    suffix: ending,
    elapsed: () => (now += 1000),
    sleep: () => new Promise((resolve) => setTimeout(resolve, 100)),
  };
}

test('where nobody answers, that is an error, and the binding goes all the same', async () => {
  const checks = await runTrial(connection, [bindingResource, ...poolResources], createTools(`${suffix}x`));
  expect(checks.map(({ status, message }) => `${status}: ${message}`)).toEqual([
    'error: a binding was not Ready within 60 s: no function has looked at it',
    expect.stringMatching(/^ok: it was gone \d+\.0 s after its deletion, and namespace .*x is deleted$/),
  ]);
});

test('where the functions work, a binding becomes Ready and goes', async () => {
  await cluster.startStack();
  const checks = await runTrial(connection, [bindingResource, ...poolResources], createTools(suffix));
  expect(checks.map(({ status, message }) => `${status}: ${message}`)).toEqual([
    expect.stringMatching(/^ok: a binding was Ready after \d+\.0 s$/),
    expect.stringMatching(/^ok: it was gone \d+\.0 s after its deletion/),
  ]);
});

test('nothing is left of either', async () => {
  for (const namespace of names)
    expect(await connection.cluster.listBindings({ namespace })).toMatchObject({ items: [] });
});
