import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pool, poolBinding } from '../support/drafts.ts';
import { type Place, eventually, useCluster } from '../support/test-cluster.ts';
import { functionNames, openTarget, until } from './installed.ts';
import { kubectl } from './kubectl.ts';

const target = await openTarget();
process.env['KLEYM_TEST_INSTALLED'] = 'true';
const cluster = await useCluster();
let here: Place;

beforeAll(async () => {
  here = await cluster.namespace();
  await here.create(pool());
});
afterAll(async () => {
  await target.install();
  await until(async () => (await target.unready()).length === 0, 'everything is Ready again');
});

describe('an image that is not there', () => {
  test('shows itself in kubectl get ksvc', async () => {
    const missing = target.image.replace(/:[^:]+$/, ':is-not-there');
    await target.install({ image: missing });
    await eventually(async () => {
      const said = await servicesSay();
      expect(Object.keys(said)).toEqual(functionNames);
      for (const words of Object.values(said)) expect(words).toMatch(/^False RevisionFailed .*is-not-there/);
    });
  });

  test('keeps nobody from an identity: the old revisions serve on', () => becomesReady('image'));
});

describe('a trust domain that is none', () => {
  test('shows itself in kubectl get ksvc, in the words of the function', async () => {
    await target.install({ trustDomain: 'Not A Domain' });
    await eventually(async () => {
      const { reconcile, sweep } = await servicesSay();
      for (const words of [reconcile, sweep])
        expect(words).toMatch(
          /^False RevisionFailed .*KLEYM_TRUST_DOMAIN is "Not A Domain": trustDomain "Not A Domain" is not a SPIFFE trust domain/,
        );
    });
  });

  test('names nobody after it: the old revisions serve on', () => becomesReady('domain'));
});

async function becomesReady(name: string): Promise<void> {
  await here.create(poolBinding(name, { serviceAccountName: name }));
  const { spec } = await here.ready(name);
  expect(spec).toMatchObject({ spiffeIDTemplate: `spiffe://kleym.sonda.red/ns/${here.name}/pool/pool-a` });
  await here.delete(poolBinding(name, { serviceAccountName: name }));
  await here.gone(name);
}

/** What the Services say of themselves: status, reason and message of Ready. */
async function servicesSay(): Promise<Record<string, string>> {
  const each =
    '{range .items[*]}{.metadata.name}{" "}{.status.conditions[?(@.type=="Ready")].status}{" "}{.status.conditions[?(@.type=="Ready")].reason}{" "}{.status.conditions[?(@.type=="Ready")].message}{"\\0"}{end}';
  const out = await kubectl(['-n', 'kleym-system', 'get', 'ksvc', '-o', `jsonpath=${each}`]);
  const lines = out.split('\0').filter((line) => line !== '');
  return Object.fromEntries(
    lines.map((line) => [line.split(' ', 1)[0], line.replace(/^\S+ /, '').replaceAll('\n', ' ')]),
  );
}
