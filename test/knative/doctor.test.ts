import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/test-cluster.ts';
import { kleym } from './command.ts';
import { namespace, openTarget, report, until } from './installed.ts';
import { kubectl } from './kubectl.ts';

// Faults that only a real cluster has, each seeded into an installation that is well, found and undone.

const target = await openTarget();
const inHome = ['-n', namespace];

beforeAll(untilWell);

test('an installation that is well is said to be, and a binding goes through', async () => {
  const { code, out, err } = await kleym('doctor', '--trial');
  expect(troublesIn(out + err)).toEqual([]);
  expect(code).toBe(0);
  expect(out).toMatch(/√ a binding was Ready after [0-9.]+ s\n√ it was gone/);
  report(out);
});

describe('a fault is found', () => {
  afterEach(async () => {
    await target.install();
    await untilWell();
  });

  test.each(['map-pool', 'sweep', 'reconcile', 'dead-letter-sweep'])(
    'Trigger %s is deleted',
    async (name) => {
      await kubectl([...inHome, 'delete', 'trigger', name]);
      await untilFound(`× Trigger ${name} is not installed`);
    },
  );

  test('a source is deleted', async () => {
    await kubectl([...inHome, 'delete', 'apiserversource', 'bindings']);
    await untilFound(
      '× InferenceIdentityBinding of kleym.sonda.red/v1alpha1 is served, and no source watches it',
    );
  });

  test('the PingSource is deleted', async () => {
    await kubectl([...inHome, 'delete', 'pingsource', 'sweep']);
    await untilFound('× PingSource sweep is not installed');
  });

  test('the adapter of a source is scaled to zero, and doing what is advised helps', async () => {
    const adapter = ['-l', 'eventing.knative.dev/sourceName=pools'];
    await kubectl([...inHome, 'scale', 'deployment', ...adapter, '--replicas=0']);
    await untilFound('× the adapter of ApiServerSource pools does not run: nothing is watched');
    await kubectl([...inHome, 'delete', 'deployment', ...adapter]);
  });

  test.each([
    ['kleym-reconcile', 'function reconcile has no permissions'],
    ['kleym-source-outputs', 'ApiServerSource outputs has no permissions'],
  ])('ClusterRoleBinding %s is deleted', async (name, message) => {
    await kubectl(['delete', 'clusterrolebinding', name]);
    await untilFound(`× ${message}`);
  });

  test('the functions have an image that is not there', async () => {
    await target.install({ image: target.image.replace(/:[^:]+$/, ':is-not-there') });
    for (const name of ['map-pool', 'reconcile'])
      await untilFound(
        new RegExp(
          `^× function ${name} does not start: (ErrImagePull|ImagePullBackOff), image .*:is-not-there$`,
          'm',
        ),
      );
  });

  test.each([
    ['knative-eventing', 'imc-dispatcher'],
    ['knative-eventing', 'mt-broker-filter'],
    ['knative-serving', 'activator'],
  ])('%s: %s is scaled to zero, and doing what is advised helps', async (place, name) => {
    await kubectl(['-n', place, 'scale', 'deployment', name, '--replicas=0']);
    await untilFound(`× ${name} of ${place} does not run: events do not arrive`);
    await kubectl(['-n', place, 'scale', 'deployment', name, '--replicas=1']);
  });

  test('the policies carry another trust domain than the functions', async () => {
    const policy = 'validatingadmissionpolicy/kleym-output-content';
    const { spec } = JSON.parse(await kubectl(['get', policy, '-o', 'json'])) as {
      spec: { variables: { name: string }[] };
    };
    const index = spec.variables.findIndex(({ name }) => name === 'trustDomain');
    const path = `/spec/variables/${index}/expression`;
    const change = JSON.stringify([{ op: 'replace', path, value: "'other.example'" }]);
    await kubectl(['patch', policy, '--type=json', '-p', change]);
    await untilFound("× policy kleym-output-content carries the trust domain 'other.example'");
    // Whoever patched it would stay its second owner, even with the former value, and be in the way of every later one.
    await kubectl(['delete', policy]);
  });
});

function troublesIn(text: string): string[] {
  return text.split('\n').filter((line) => /^[×‼]/.test(line));
}

async function untilWell(): Promise<void> {
  await until(async () => (await target.unready()).length === 0, 'everything is Ready');
  await eventually(async () => expect(troublesIn((await kleym('doctor')).out)).toEqual([]));
}

async function untilFound(...faults: readonly (string | RegExp)[]): Promise<void> {
  const start = performance.now();
  await eventually(async () => {
    const { code, out } = await kleym('doctor');
    const said = troublesIn(out).join('\n');
    for (const fault of faults) expect(said).toMatch(fault);
    expect(code).toBe(2);
    report(`${said}\nfound after ${((performance.now() - start) / 1000).toFixed(1)} s`);
  });
}
