import { stringify } from 'yaml';
import { beforeAll, describe, expect, test } from 'vitest';
import { admissionCases } from '../../test/admission-cases.ts';
import { type Judge, type Judgement, createJudge } from './create-judge.ts';
import { readDefinitions } from './definitions.ts';
import { parseManifests } from './parse-manifests.ts';

let judge: Judge;

beforeAll(async () => {
  judge = createJudge(await readDefinitions());
});

function judgeObject(object: object): Judgement | undefined {
  const [manifest] = parseManifests([{ file: 'a.yaml', text: stringify(object) }]).manifests;
  return manifest && judge.judge(manifest, 'team-a');
}

const type = { apiVersion: 'kleym.sonda.red/v1alpha1', kind: 'InferenceIdentityBinding' };

describe('a binding is judged as the API server would', () => {
  test.each(admissionCases())('$title', ({ name, spec, refusals }) => {
    const judgement = judgeObject({ ...type, metadata: { name }, spec });
    const causes = judgement?.kind === 'refused' ? judgement.causes : [];
    expect(judgement?.kind).toBe(refusals.length === 0 ? 'accepted' : 'refused');
    for (const { field, message } of refusals)
      expect(causes).toContainEqual(
        expect.objectContaining({ field, message: expect.stringContaining(message) }),
      );
  });
});

const spec = { mode: 'PoolOnly', poolRef: { name: 'llama' }, serviceAccountName: 'sa' };

test('what is accepted has its defaults', () => {
  const judgement = judgeObject({
    apiVersion: 'llm-d.ai/v1alpha2',
    kind: 'InferenceObjective',
    metadata: { name: 'chat' },
    spec: { poolRef: { name: 'llama' } },
  });
  expect(judgement).toMatchObject({
    object: {
      metadata: { namespace: 'team-a' },
      spec: { poolRef: { group: 'inference.networking.k8s.io', kind: 'InferencePool' } },
    },
  });
});

test('unknown fields are refused, and what is wrong beside them comes with it', () => {
  const object = {
    ...type,
    metadata: { name: 'a' },
    spec: { ...spec, containrName: 'x', serviceAccountName: 'A' },
  };
  expect(judgeObject(object)).toMatchObject({
    kind: 'refused',
    causes: [
      { reason: 'UnknownField', field: 'spec.containrName' },
      { field: 'spec.serviceAccountName', message: expect.stringContaining('must be the name') },
    ],
  });
});

test('a name that no object can have is refused', () => {
  expect(judgeObject({ ...type, metadata: { name: 'A_B' }, spec })).toMatchObject({
    kind: 'refused',
    causes: [{ field: 'metadata.name' }],
  });
});

test.each([
  { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } },
  { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'a' } },
  { apiVersion: 'kleym.sonda.red/v1', kind: 'InferenceIdentityBinding', metadata: { name: 'a' } },
])('$apiVersion $kind is none of ours', (object) => {
  expect(judgeObject(object)).toEqual({ kind: 'unknown' });
});
