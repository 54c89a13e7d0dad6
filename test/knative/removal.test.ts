import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { binding, objective, output, pool } from '../support/drafts.ts';
import { type Place, placeLabel, useCluster } from '../support/test-cluster.ts';
import { namespace, openTarget, until } from './installed.ts';
import { kubectl, tryKubectl } from './kubectl.ts';
import { writeOverlay } from './overlay.ts';

const target = await openTarget();
process.env['KLEYM_TEST_INSTALLED'] = 'true';
const cluster = await useCluster();
let here: Place;
let overlay: string;

beforeAll(async () => {
  here = await cluster.namespace();
  await here.create(pool(), objective(), binding());
  await here.ready('binding-a');
  overlay = await writeOverlay({ image: target.image, trustDomain: 'kleym.sonda.red' });
});

/** What the tests brought along goes last. */
afterAll(async () => {
  for (const kinds of ['namespace', 'crd', 'clusterrolebinding'])
    await kubectl(['delete', kinds, '--wait=false', '-l', placeLabel]);
  await kubectl(['delete', 'namespace', 'kleym-reference-inference', '--ignore-not-found', '--wait=false']);
});

describe('the steps of docs/deploy.md', () => {
  test('take the bindings first: while kleym runs, each lets its output go', async () => {
    await kubectl(['delete', 'inferenceidentitybindings.kleym.sonda.red', '--all', '-A', '--timeout=900s']);
    expect(await ourOutputs()).toEqual([]);
  });

  test('then take all that was applied', async () => {
    const said = await kubectl(['delete', '-k', overlay, '--timeout=600s']);
    expect(said).toContain(`namespace "${namespace}" deleted`);
  });

  test('leave nothing', async () => {
    await until(
      async () => (await tryKubectl(['get', 'namespace', namespace])).code === 1,
      'the namespace is gone',
    );
    const kinds =
      'clusterrole,clusterrolebinding,validatingadmissionpolicy,validatingadmissionpolicybinding,crd,namespace';
    const names = (await kubectl(['get', kinds, '-o', 'name'])).split('\n');
    const ours = names.filter(
      (name) => name.includes('kleym') && !/kleym-(test|reference-inference)/.test(name),
    );
    expect(ours).toEqual([]);
    expect(await ourOutputs()).toEqual([]);
  });
});

async function ourOutputs(): Promise<string[]> {
  const { apiVersion, kind } = output('any');
  const found = await target.kube.list({
    apiVersion,
    kind,
    labelSelector: 'kleym.sonda.red/managed-by=kleym',
  });
  return found.map(({ metadata }) => metadata.name);
}
