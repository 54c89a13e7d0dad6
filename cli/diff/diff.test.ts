import { stringify } from 'yaml';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Command, createCommand } from '../../test/support/command.ts';
import { binding, objective, pool, poolBinding } from '../../test/support/manifests.ts';
import type { Manifest } from '../../test/support/kube-client.ts';
import { podManifest } from '../../test/support/pods.ts';
import { type Settling, createSettling } from '../../test/support/settling.ts';
import type { DiffReport } from './diff-report.ts';

let settling: Settling;
let command: Command;

beforeEach(async () => {
  settling = await createSettling();
  command = createCommand(settling.apiServer);
  await settling.create(pool(), objective(), binding(), podManifest());
  await settling.settle(['binding-a']);
});

async function diff(
  ...objects: readonly Manifest[]
): Promise<{ said: string[]; exitCode: number; text: string }> {
  const yaml = objects.map((object) => stringify(object)).join('---\n');
  const { output, exitCode } = await command.run('diff -f - -n team-a -o json', yaml);
  const { changes } = JSON.parse(output) as DiffReport;
  const said = changes.map(({ kind, binding: name, reason = '' }) => `${kind} ${name} ${reason}`.trim());
  return { said, exitCode, text: (await command.run('diff -f - -n team-a', yaml)).output };
}

describe('what manifests would do', () => {
  test('nothing, where they say what is there', async () => {
    expect(await diff(pool(), objective(), binding())).toEqual({
      said: [],
      exitCode: 0,
      text: 'no identity changes\n',
    });
  });

  test('a collision takes two identities away, that of a binding which no file names first', async () => {
    const { said, exitCode, text } = await diff(binding('binding-b'));
    expect(said).toEqual(['loses binding-a IdentityCollision', 'gets none binding-b IdentityCollision']);
    expect(exitCode).toBe(2);
    expect(text).toBe(`loses team-a/binding-a: spiffe://kleym.sonda.red/ns/team-a/objective/objective-a
    IdentityCollision: identity collision with bindings binding-b: PerObjective bindings must not share the same pod selector and container name
    IdentityCollision begins
    - pod-a container=main
gets none team-a/binding-b
    IdentityCollision: identity collision with bindings binding-a: PerObjective bindings must not share the same pod selector and container name
    IdentityCollision begins

identities: 1 loses, 1 gets none
`);
  });

  test('a collision that ends gives them back', async () => {
    await settling.create(binding('binding-b'));
    await settling.settle(['binding-a', 'binding-b']);
    const { said } = await diff(binding('binding-b', { containerName: 'proxy' }));
    expect(said).toEqual(['gains binding-a', 'gains binding-b']);
  });

  test('an edit of a pool makes its identities narrower', async () => {
    const { said, text } = await diff(pool('pool-a', { app: 'model-server', tier: 'gpu' }));
    expect(said).toEqual(['changes binding-a']);
    expect(text).toContain(
      '    narrower: k8s:pod-label:tier:gpu is wanted, too\n    - pod-a container=main\n',
    );
  });

  test('pod labels make an identity narrower, and others move it', async () => {
    const prefill = binding('binding-a', { podLabels: { role: 'prefill' } });
    const narrowed = await diff(prefill);
    expect(narrowed.said).toEqual(['changes binding-a']);
    expect(narrowed.text).toContain(
      '    narrower: k8s:pod-label:role:prefill is wanted, too\n    - pod-a container=main\n',
    );
    await settling.edit(binding('binding-a'), { spec: { podLabels: { role: 'prefill' } } });
    await settling.settle(['binding-a']);
    const moved = await diff(binding('binding-a', { podLabels: { role: 'decode' } }));
    expect(moved.text).toContain('    moves from k8s:pod-label:role:prefill to k8s:pod-label:role:decode\n');
    expect(moved.text).not.toContain('narrower');
  });

  test('another objective is another SPIFFE ID, and a gap', async () => {
    const { text } = await diff(
      objective('objective-b'),
      binding('binding-a', { objectiveRef: { name: 'objective-b' } }),
    );
    expect(text).toMatch(
      /SPIFFE ID spiffe:.*objective-a → spiffe:.*objective-b\n {4}ClusterSPIFFEID kleym-.* is replaced by kleym-.*: without an identity in between\n/,
    );
  });

  test('another service account or container moves it', async () => {
    const { text } = await diff(
      binding('binding-a', { serviceAccountName: 'other-sa', containerName: 'proxy' }),
    );
    expect(text).toContain('    moves from k8s:sa:inference-sa to k8s:sa:other-sa\n');
    expect(text).toContain('    moves from k8s:container-name:main to k8s:container-name:proxy\n');
    expect(text).toContain('    - pod-a container=main\n');
  });

  test('a reference that breaks', async () => {
    expect((await diff(objective('objective-a', { name: 'pool-b' }))).said).toEqual([
      'loses binding-a InvalidObjectiveRef',
    ]);
    expect((await diff(poolBinding('new', { poolRef: { name: 'pool-b' } }))).said).toEqual([
      'gets none new TargetPoolNotFound',
    ]);
  });

  test('what the API server would refuse changes nothing, and is told', async () => {
    const { said, exitCode, text } = await diff(binding('binding-a', { containerName: 'B' }));
    expect({ said, exitCode }).toEqual({ said: [], exitCode: 2 });
    expect(text).toMatch(
      /These manifests would not be taken, and change nothing:\n {2}<stdin>:\d+: Inference.*containerName must be/,
    );
  });
});

describe('permissions', () => {
  test('without pods it names no pods', async () => {
    command.forbid((path) => path.includes('/pods'));
    const { text } = await diff(binding('binding-b'));
    expect(text).toContain('Note: no permission to list pods in namespace team-a');
    expect(text).not.toContain('container=main');
  });

  test('without pools it says nothing at all', async () => {
    command.forbid((path) => path.includes('/inferencepools'));
    expect(await command.run('diff -f - -n team-a', stringify(binding()))).toMatchObject({
      output: '',
      problem: expect.stringMatching(/^error: no permission to get inferencepools\./),
      exitCode: 4,
    });
  });
});
