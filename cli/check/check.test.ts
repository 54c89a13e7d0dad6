import { stringify } from 'yaml';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Settings } from '../../shared/identity/settings.ts';
import { useCommand } from '../../test/support/command.ts';
import { binding, objective, oldPool, pool, poolBinding } from '../../test/support/manifests.ts';
import { exampleSettings } from '../../test/support/inference.ts';
import type { Manifest } from '../../test/support/kube-client.ts';
import { type Judge, createJudge } from '../manifests/create-judge.ts';
import { readDefinitions } from '../manifests/definitions.ts';
import { judgeManifests } from '../manifests/judge-manifests.ts';
import { parseManifests } from '../manifests/parse-manifests.ts';
import { plain } from '../terminal/paint.ts';
import { type CheckReport, checkManifests } from './check-report.ts';
import { toCheckText, toGithubText } from './check-text.ts';
import { toSarif } from './to-sarif.ts';

let judge: Judge;

beforeAll(async () => {
  judge = createJudge(await readDefinitions());
});

function toYaml(...objects: readonly Manifest[]): string {
  return objects.map((object) => stringify(object)).join('---\n');
}

function check(text: string, settings: Partial<Settings> = {}): CheckReport {
  const judged = judgeManifests(parseManifests([{ file: 'a.yaml', text }]), judge, 'default');
  return checkManifests({ judged, settings: { ...exampleSettings, ...settings }, snapshots: undefined })
    .report;
}

function there(object: Manifest): Manifest {
  return { ...object, metadata: { ...object.metadata, namespace: 'team-b' } };
}

/** With the line that each is about. */
function findingsOf(text: string, settings: Partial<Settings> = {}): string[] {
  const lines = text.split('\n');
  return check(text, settings).findings.map(
    ({ id, severity, reason, line, object }) =>
      `${lines[line - 1]?.trim()} | ${severity} ${id} ${reason} ${object}`,
  );
}

test('manifests that belong together have nothing to find', () => {
  expect(check(toYaml(pool(), objective(), binding(), poolBinding('whole')))).toEqual({
    schemaVersion: 'v1alpha1',
    kind: 'ManifestCheckReport',
    summary: { manifests: 4, skipped: 0, bindings: 2, identities: 2, errors: 0, warnings: 0 },
    findings: [],
  });
});

describe('pod labels', () => {
  const prefill = { podLabels: { 'llm-d.ai/role': 'prefill' } };

  test('tell bindings apart that ask for one container', () => {
    const decode = binding('decode', { podLabels: { 'llm-d.ai/role': 'decode' } });
    expect(findingsOf(toYaml(pool(), objective(), binding('prefill', prefill), decode))).toEqual([]);
  });

  test('are a part of what a binding without them asks for', () => {
    const bindings = [binding('prefill', prefill), binding('all')];
    expect(findingsOf(toYaml(pool(), objective(), ...bindings))).toEqual([
      'containerName: main | warning possible-overlap PossibleOverlap InferenceIdentityBinding default/prefill',
      'containerName: main | warning possible-overlap PossibleOverlap InferenceIdentityBinding default/all',
    ]);
  });

  test('collide where they are the same', () => {
    const bindings = [binding('one', prefill), binding('other', prefill)];
    expect(findingsOf(toYaml(pool(), objective(), ...bindings))).toEqual([
      expect.stringContaining('error kleym-collision IdentityCollision'),
      expect.stringContaining('error kleym-collision IdentityCollision'),
    ]);
  });

  test('that contradict the pool are an error, where they stand', () => {
    const text = toYaml(pool(), objective(), binding('astray', { podLabels: { app: 'other' } }));
    expect(findingsOf(text)).toEqual([
      'app: other | error render-failure InvalidPodLabels InferenceIdentityBinding default/astray',
    ]);
  });

  test('that no pod can have are refused as the API server would, where they stand', () => {
    const text = toYaml(pool(), poolBinding('astray', { podLabels: { 'a b': 'x' } }));
    expect(findingsOf(text)).toEqual([
      'a b: x | error admission FieldValueInvalid InferenceIdentityBinding default/astray',
    ]);
  });
});

describe('references within the set', () => {
  test('a pool that is not among the pools is an error, where its name stands', () => {
    const text = toYaml(pool(), objective(), binding('astray', { poolRef: { name: 'pool-b' } }));
    expect(findingsOf(text)).toEqual([
      'name: pool-b | error invalid-ref TargetPoolNotFound InferenceIdentityBinding default/astray',
    ]);
  });

  test('where the set has no pools at all they may be in the cluster', () => {
    expect(findingsOf(toYaml(poolBinding()))).toEqual([
      'name: pool-a | warning unresolved-ref TargetPoolNotFound InferenceIdentityBinding default/binding-a',
    ]);
    expect(findingsOf(toYaml(pool(), binding()))).toEqual([
      'name: objective-a | warning unresolved-ref TargetObjectiveNotFound InferenceIdentityBinding default/binding-a',
    ]);
  });

  test('an objective of another pool is an error', () => {
    const text = toYaml(pool(), objective('objective-a', { name: 'pool-b' }), binding());
    expect(findingsOf(text)).toEqual([
      expect.stringContaining(
        'error invalid-ref InvalidObjectiveRef InferenceIdentityBinding default/binding-a',
      ),
    ]);
  });
});

describe('selectors and rendering', () => {
  test('a label without a value, which the CRD admits, is unsafe', () => {
    expect(findingsOf(toYaml(pool('pool-a', { app: '' }), poolBinding()))).toEqual([
      expect.stringContaining('error unsafe-selector InvalidPoolSelector'),
    ]);
  });

  test('two groups that serve different selectors are ambiguous', () => {
    const text = toYaml(pool(), oldPool('pool-a', { app: 'other' }), poolBinding());
    expect(findingsOf(text)).toEqual([expect.stringContaining('error invalid-ref AmbiguousPoolRef')]);
  });
});

describe('bindings among each other', () => {
  test('a collision is an error of each', () => {
    const text = toYaml(pool(), objective(), binding('one'), binding('two'));
    expect(findingsOf(text)).toEqual([
      expect.stringContaining('error kleym-collision IdentityCollision InferenceIdentityBinding default/one'),
      expect.stringContaining('error kleym-collision IdentityCollision InferenceIdentityBinding default/two'),
    ]);
    expect(check(text).summary).toMatchObject({ bindings: 2, identities: 0, errors: 2 });
  });

  test('a possible overlap is a warning, or an error where overlaps are refused', () => {
    const wide = pool('wide', { app: 'model-server' });
    const narrow = pool('narrow', { app: 'model-server', tier: 'gpu' });
    const objectives = ['wide', 'narrow'].map((name) => objective(name, { name }));
    const bindings = ['wide', 'narrow'].map((name) =>
      binding(name, { poolRef: { name }, objectiveRef: { name } }),
    );
    const text = toYaml(wide, narrow, ...objectives, ...bindings);
    expect(findingsOf(text).map((line) => line.split(' | ')[1]?.split(' Inference')[0])).toEqual([
      'warning possible-overlap PossibleOverlap',
      'warning possible-overlap PossibleOverlap',
    ]);
    expect(
      findingsOf(text, { overlapPolicy: 'refuse' }).map(
        (line) => line.split(' | ')[1]?.split(' Inference')[0],
      ),
    ).toEqual(['error kleym-collision PossibleOverlap', 'error kleym-collision PossibleOverlap']);
  });

  test('namespaces know nothing of each other', () => {
    const text = toYaml(pool(), objective(), binding(), there(pool()), there(objective()), there(binding()));
    expect(findingsOf(text)).toEqual([]);
  });

  test('one object defined twice is an error of the second', () => {
    const text = toYaml(pool(), poolBinding(), poolBinding());
    expect(findingsOf(text)).toEqual([
      'name: binding-a | error duplicate Duplicate InferenceIdentityBinding default/binding-a',
    ]);
  });
});

test('what admission refuses has its field, and the rest is checked all the same', () => {
  const text = toYaml(
    poolBinding('bad', { containerName: 'main', surplus: 1 }),
    poolBinding('astray', { poolRef: { name: 'B' } }),
  );
  expect(findingsOf(text)).toEqual([
    'mode: PoolOnly | error admission FieldValueInvalid InferenceIdentityBinding default/bad',
    'surplus: 1 | error admission UnknownField InferenceIdentityBinding default/bad',
    'name: B | error admission FieldValueInvalid InferenceIdentityBinding default/astray',
  ]);
});

test('what is no manifest, and what is no YAML, is an error', () => {
  expect(findingsOf('just: text\n---\na: b\n c: d\n')).toEqual([
    'just: text | error no-manifest NoManifest ',
    'a: b | error invalid-yaml InvalidYaml ',
  ]);
});

describe('the formats', () => {
  const text = toYaml(pool(), poolBinding('astray', { poolRef: { name: 'pool-b' } }));
  const message =
    'poolRef "pool-b" was not found in namespace "default" (looked in inference.networking.k8s.io and inference.networking.x-k8s.io); there is pool-a';

  test('text: a line each', () => {
    expect(toCheckText(check(text), { width: undefined, paint: plain })).toBe(
      `a.yaml:23:11: error: InferenceIdentityBinding default/astray: ${message} [TargetPoolNotFound]\n` +
        '2 manifests: 1 bindings, 0 with an identity; 1 errors, 0 warnings\n',
    );
  });

  test('github: a command each, escaped', () => {
    expect(toGithubText(check(text))).toBe(
      `::error file=a.yaml,line=23,col=11,title=TargetPoolNotFound%3A InferenceIdentityBinding default/astray::${message}\n`,
    );
  });

  test('sarif: a result each', () => {
    expect(toSarif(check(text), '0.1.0')).toMatchObject({
      version: '2.1.0',
      runs: [
        {
          tool: { driver: { name: 'kubectl-kleym', rules: [{ id: 'TargetPoolNotFound' }] } },
          results: [
            {
              ruleId: 'TargetPoolNotFound',
              level: 'error',
              message: { text: `InferenceIdentityBinding default/astray: ${message}` },
              locations: [
                {
                  physicalLocation: {
                    artifactLocation: { uri: 'a.yaml' },
                    region: { startLine: 23, startColumn: 11 },
                  },
                },
              ],
            },
          ],
        },
      ],
    });
  });
});

describe('the command', () => {
  test('takes stdin, and asks no cluster', async () => {
    const command = await useCommand();
    const { output, exitCode } = await command.run('check -f -', toYaml(pool(), poolBinding()));
    expect({ output, exitCode, asked: command.asked }).toEqual({
      output: '2 manifests: 1 bindings, 1 with an identity; 0 errors, 0 warnings\n',
      exitCode: 0,
      asked: [],
    });
    expect((await command.run('check -f -', toYaml(poolBinding()))).exitCode).toBe(0);
    expect((await command.run('check -f - --strict', toYaml(poolBinding()))).exitCode).toBe(2);
  });

  test('against a cluster, what the files lack is looked for there', async () => {
    const command = await useCommand();
    await command.kube.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
    await command.kube.create({ ...pool(), metadata: { name: 'pool-a', namespace: 'default' } });
    const text = toYaml(poolBinding(), poolBinding('astray', { poolRef: { name: 'pool-b' } }));
    const { output, exitCode } = await command.run('check -f - --against-cluster', text);
    expect(output).toContain(
      'error: InferenceIdentityBinding default/astray: poolRef "pool-b" was not found',
    );
    expect(output).toContain('2 bindings, 1 with an identity; 1 errors, 0 warnings');
    expect(exitCode).toBe(2);
    command.forbid((path) => path.includes('clusterspiffeids'));
    expect(await command.run('check -f - --against-cluster', text)).toMatchObject({
      problem: 'error: no permission to list clusterspiffeids.spire.spiffe.io\n',
      exitCode: 4,
    });
  });

  test.each([
    ['check', '-f is missing: name a file, a folder, or - for stdin'],
    ['check -f nowhere.yaml', 'nowhere.yaml cannot be read: there is no such file or folder'],
    [
      'check -f cli/manifests',
      'cli/manifests has no .yaml, .yml or .json file; -R looks into the folders in it',
    ],
  ])('%s', async (line, message) => {
    const command = await useCommand([]);
    expect(await command.run(line)).toEqual({ output: '', problem: `error: ${message}\n`, exitCode: 4 });
  });

  test('render prints what would be written, and tells on stderr what keeps the others from it', async () => {
    const command = await useCommand([]);
    const text = toYaml(pool(), poolBinding(), poolBinding('astray', { poolRef: { name: 'pool-b' } }));
    const { output, problem, exitCode } = await command.run(
      'render -f - --trust-domain example.org --class-name spire',
      text,
    );
    expect(output).toBe(`apiVersion: spire.spiffe.io/v1alpha1
kind: ClusterSPIFFEID
metadata:
  name: kleym-default-binding-a-pool-02767e7b
  labels:
    kleym.sonda.red/managed-by: kleym
    kleym.sonda.red/binding-name: binding-a
    kleym.sonda.red/binding-namespace: default
    kleym.sonda.red/service-account: inference-sa
    kleym.sonda.red/key: none
    spire.spiffe.io/class-name: spire
  annotations:
    kleym.sonda.red/binding-name: binding-a
spec:
  spiffeIDTemplate: spiffe://example.org/ns/default/pool/pool-a
  podSelector:
    matchLabels:
      app: model-server
  namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: default
  workloadSelectorTemplates:
    - k8s:ns:default
    - k8s:pod-label:app:model-server
    - k8s:sa:inference-sa
  className: spire
  fallback: false
  hint: default/binding-a
`);
    expect(problem).toContain('<stdin>:33:11: error: InferenceIdentityBinding default/astray');
    expect(exitCode).toBe(2);
  });
});
