import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { CloudEvent } from 'cloudevents';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { mapPool } from '../../functions/map-pool/map-pool.ts';
import { acceptNewBindings } from '../../functions/reconcile/accept-new-bindings.ts';
import { reconcile } from '../../functions/reconcile/reconcile.ts';
import { sweep } from '../../functions/sweep/sweep.ts';
import { nodeEventLoop } from '../../shared/concurrency/node-event-loop.ts';
import type { Handler } from '../../shared/events/function-app.ts';
import { UncertainError } from '../../shared/api/uncertain-error.ts';
import type { Cluster } from '../../shared/kube/cluster.ts';
import { postEvent, silentApp } from '../support/post-event.ts';
import { testSettings } from '../support/test-cluster.ts';

const change = { name: 'one', namespace: 'team-a' };
const added = {
  ...change,
  type: 'dev.knative.apiserver.resource.add',
  apiversion: 'kleym.sonda.red/v1alpha1',
  kind: 'InferenceIdentityBinding',
};
const pool = {
  ...change,
  type: 'dev.knative.apiserver.resource.update',
  apiversion: 'inference.networking.k8s.io/v1',
  kind: 'InferencePool',
};
const object = { metadata: { ...change, uid: 'uid', resourceVersion: '1', generation: 1 } };
const affected = { type: 'red.sonda.kleym.bindings.affected' };
const names = { bindings: [{ namespace: 'team-a', names: ['one'] }] };

function reconciler(cluster: Cluster): Handler {
  const log = pino({ level: 'silent' });
  const options = { cluster, settings: testSettings, log, nonce: () => 'nonce', ...nodeEventLoop };
  return acceptNewBindings(reconcile(options));
}

test.each<[string, (cluster: Cluster) => Handler, Record<string, string>, unknown]>([
  ['sweep', (cluster) => sweep(cluster, testSettings, nodeEventLoop), { type: 'org.example.letter' }, {}],
  ['map-pool', mapPool, pool, object],
  ['reconcile', reconciler, affected, names],
  ['reconcile, of a new binding', reconciler, added, object],
])('%s keeps no event while it waits for the API server', async (_name, create, attributes, data) => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<never>();
  const ask = () => {
    asked.resolve();
    return answer.promise;
  };
  const cluster: Partial<Cluster> = { readBinding: ask, listBindings: ask, listOutputs: ask };
  const handler = create(cluster as Cluster);
  const events: WeakRef<CloudEvent<unknown>>[] = [];
  const app = silentApp((event, context) => {
    events.push(new WeakRef(event));
    return handler(event, context);
  });
  const posted = postEvent(app, { attributes, data });
  await asked.promise;
  await setImmediate();
  collectGarbage();
  expect(events.map((event) => event.deref())).toEqual([undefined]);
  answer.reject(new UncertainError('no answer'));
  expect((await posted).status).toBe(503);
});

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
}
