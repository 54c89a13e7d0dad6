import { expect, test } from 'vitest';
import { namespace, openTarget, report, until } from './installed.ts';

const target = await openTarget();

test('when nothing happens any more, all functions are scaled to zero', async () => {
  const start = performance.now();
  await until(async () => (await target.functionPods()).length === 0, 'no function runs');
  report(`at zero again after ${((performance.now() - start) / 1000).toFixed(0)} s`);
  const pods = await target.kube.list({ apiVersion: 'v1', kind: 'Pod', namespace });
  // The eyes of the sources are all that is left; they are Knative's programs.
  const owners = pods.map(({ metadata }) => metadata.labels?.['eventing.knative.dev/source']);
  expect(new Set(owners)).toEqual(new Set(['apiserver-source-controller']));
  expect(await target.unready()).toEqual([]);
});
