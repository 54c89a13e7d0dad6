import { CloudEvent } from 'cloudevents';
import { expect, test } from 'vitest';
import { testSettings } from '../../test/support/test-cluster.ts';
import { createRivals } from './rivals.ts';

const settings = { ...testSettings, trustDomain: 'example.org', className: 'kleym' };
const ours = { trustDomain: 'example.org', clusterSPIFFEIDClassName: 'kleym' };
const theirs = { ...ours, trustDomain: 'other.org' };

/** What is told where a binding has these statuses, one after the other. */
function toldOf(...statuses: readonly (object | 'deleted')[]): string[] {
  const told: string[] = [];
  const see = createRivals(settings, (rival) => told.push(rival));
  for (const status of statuses) see(status === 'deleted' ? about({}, 'delete') : about(status));
  return told;
}

function about(status: object, change = 'update'): CloudEvent<unknown> {
  const metadata = { name: 'a', namespace: 'team-a', uid: 'a', resourceVersion: '1', generation: 1 };
  const spec = { poolRef: { name: 'llama' }, serviceAccountName: 'sa', mode: 'PoolOnly' };
  const type = `dev.knative.apiserver.resource.${change}`;
  const data = { metadata, spec, status };
  return new CloudEvent({ type, source: 'x', apiversion: 'kleym.sonda.red/v1alpha1', data });
}

test('another installation is told of where it overwrites what was ours', () => {
  expect(toldOf({}, ours, theirs)).toEqual([
    'another installation writes here with trust domain other.org and class kleym: it overwrote team-a/a',
  ]);
  expect(toldOf(ours, { trustDomain: 'example.org' })).toEqual([
    'another installation writes here with trust domain example.org and no class: it overwrote team-a/a',
  ]);
});

test('what others wrote before is no sign of one: settings change', () => {
  expect(toldOf({}, theirs, ours, ours)).toEqual([]);
});

test('a status that nobody has written yet, or a binding that is gone, is no sign of one', () => {
  expect(toldOf(ours, {})).toEqual([]);
  expect(toldOf(ours, 'deleted', theirs)).toEqual([]);
});
