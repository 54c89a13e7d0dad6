import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { binding, objective, pool } from '../support/manifests.ts';
import { manifestsFolder, readManifests } from '../support/kustomization.ts';
import { type TestNamespace, eventually, placeLabel, useCluster } from '../support/test-cluster.ts';
import { namespace, openTarget } from './installed.ts';
import { kubectl } from './kubectl.ts';
import { writeOverlay } from './overlay.ts';
import { labelled, ourOutputs, untilNothingIsLeft } from './remains.ts';

const target = await openTarget();
process.env['KLEYM_TEST_INSTALLED'] = 'true';
const cluster = await useCluster();
let here: TestNamespace;
let overlay: string;
const component = 'pools-x-k8s';

beforeAll(async () => {
  here = await cluster.namespace();
  await here.create(pool(), objective(), binding());
  await here.ready('binding-a');
  overlay = await writeOverlay({ image: target.image, trustDomain: 'kleym.sonda.red', without: [component] });
});

/** What the tests brought along goes last. */
afterAll(async () => {
  for (const kinds of ['namespace', 'crd', 'clusterrolebinding'])
    await kubectl(['delete', kinds, '--wait=false', '-l', placeLabel]);
  await kubectl(['delete', 'namespace', 'kleym-reference-inference', '--ignore-not-found', '--wait=false']);
});

describe('a component that is taken out of the overlay', () => {
  const names = readManifests(`components/${component}`).map((object) => object.metadata.name);

  test('stays in the cluster, because apply removes nothing', async () => {
    const before = await namesOfComponent();
    await apply();
    expect(before).toHaveLength(names.length);
    expect(await namesOfComponent()).toEqual(before);
  });

  test('goes when its file is deleted, stays away after the next apply, and all else is Ready', async () => {
    const file = join(manifestsFolder, 'components', component, 'source.yaml');
    await kubectl(['delete', '-f', file, '--timeout=300s']);
    await apply();
    expect(await namesOfComponent()).toEqual([]);
    await eventually(async () => expect(await target.unready()).toEqual([]));
    await here.ready('binding-a');
  });
});

describe('the steps of docs/operate.md', () => {
  test('find everything by one label, before anything is removed', async () => {
    const kinds = new Set((await labelled()).map((name) => name.split('/')[0]));
    expect([...kinds]).toEqual(expect.arrayContaining(everyKind));
  });

  test('remove the bindings first: while kleym runs, it deletes their outputs', async () => {
    await kubectl(['delete', 'inferenceidentitybindings.kleym.sonda.red', '--all', '-A', '--timeout=900s']);
    expect(await ourOutputs()).toEqual([]);
  });

  test('then remove all that was applied', async () => {
    const said = await kubectl(['delete', '-k', overlay, '--timeout=600s']);
    expect(said).toContain(`namespace "${namespace}" deleted`);
  });

  test('leave nothing', untilNothingIsLeft);
});

/** Of what is applied; what Knative makes of it is no matter here. */
const everyKind = [
  'apiserversource.sources.knative.dev',
  'broker.eventing.knative.dev',
  'clusterrole.rbac.authorization.k8s.io',
  'clusterrolebinding.rbac.authorization.k8s.io',
  'configmap',
  'customresourcedefinition.apiextensions.k8s.io',
  'namespace',
  'pingsource.sources.knative.dev',
  'service.serving.knative.dev',
  'serviceaccount',
  'trigger.eventing.knative.dev',
  'validatingadmissionpolicy.admissionregistration.k8s.io',
  'validatingadmissionpolicybinding.admissionregistration.k8s.io',
];

async function apply(): Promise<void> {
  await kubectl(['apply', '--server-side', '-k', overlay]);
}

async function namesOfComponent(): Promise<string[]> {
  return (await labelled()).filter((name) => name.endsWith(component));
}
