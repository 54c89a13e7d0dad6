import { CloudEvent } from 'cloudevents';
import { expect, test } from 'vitest';
import { testSettings } from '../../test/support/test-cluster.ts';
import { createRivals } from './rivals.ts';

const settings = { ...testSettings, trustDomain: 'example.org', className: 'kleym' };
const ours = { trustDomain: 'example.org', clusterSPIFFEIDClassName: 'kleym' };

function about(name: string, status?: object): CloudEvent<unknown> {
  const metadata = { name, namespace: 'team-a', uid: name, resourceVersion: '1', generation: 1 };
  const spec = { poolRef: { name: 'llama' }, serviceAccountName: 'sa', mode: 'PoolOnly' };
  const data = { metadata, spec, ...(status && { status }) };
  const type = 'dev.knative.apiserver.resource.update';
  return new CloudEvent({ type, source: 'x', apiversion: 'kleym.sonda.red/v1alpha1', data });
}

test('another installation is told of once, where it overwrites what was ours', () => {
  const rivals = createRivals(settings);
  expect(rivals.see(about('a', ours))).toBeUndefined();
  expect(rivals.see(about('a', { ...ours, trustDomain: 'other.org' }))).toMatch(
    /^another installation writes here with trust domain other.org and class kleym, as to team-a\/a: /,
  );
  expect(rivals.see(about('a', ours))).toBeUndefined();
  expect(rivals.see(about('a', { ...ours, trustDomain: 'other.org' }))).toBeUndefined();
  expect(rivals.see(about('a', { trustDomain: 'example.org' }))).toContain(
    'trust domain example.org and no class',
  );
});

test('what others wrote before is no sign of one: settings change', () => {
  const rivals = createRivals(settings);
  expect(rivals.see(about('a'))).toBeUndefined();
  expect(rivals.see(about('a', { trustDomain: 'other.org' }))).toBeUndefined();
  expect(rivals.see(about('a', ours))).toBeUndefined();
});
