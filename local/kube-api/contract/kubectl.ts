import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { type Place, type Subject, bindingOf, made, newName, newPlace } from './subject.ts';

interface Ended {
  readonly code: number;
  readonly said: string;
}

/** A folder for what kubectl reads and leaves. */
interface Desk {
  readonly folder: string;
  run(...args: string[]): Promise<Ended>;
}

/** What people do with kubectl. */
export function describeKubectl(subject: () => Subject): void {
  let desk: Desk;
  let place: Place;
  beforeAll(async () => {
    place = await newPlace(subject().api);
    desk = await openDesk(subject().kubeconfig, place.namespace);
  });
  afterAll(async () => {
    await rm(desk.folder, { recursive: true, force: true });
  });
  describeWriting(() => desk);
  describeReading(
    subject,
    () => desk,
    () => place,
  );
}

async function openDesk(kubeconfig: string, namespace: string): Promise<Desk> {
  const folder = await mkdtemp(join(tmpdir(), 'kleym-kubectl-'));
  const config = join(folder, 'config');
  await writeFile(config, kubeconfig, { mode: 0o600 });
  const editor = join(folder, 'editor');
  await writeFile(editor, '#!/bin/sh\nsed -i.before \'s/inference-sa/edited-sa/\' "$1"\n');
  await chmod(editor, 0o755);
  const env = { ...process.env, HOME: folder, KUBECONFIG: config, KUBE_EDITOR: editor };
  return {
    folder,
    run: (...args) =>
      new Promise((resolve) => {
        execFile(
          'kubectl',
          ['--namespace', namespace, ...args],
          { env, cwd: folder },
          (error, stdout, stderr) => {
            // Of its version it complains where it is older than the server.
            const said = `${stdout}${stderr}`.replace(/^WARNING: version difference.*\n/m, '').trim();
            resolve({ code: error === null ? 0 : Number(error.code ?? 1), said });
          },
        );
      }),
  };
}

const plural = 'inferenceidentitybindings';
const full = `${plural}.kleym.sonda.red`;
const singular = 'inferenceidentitybinding.kleym.sonda.red';

async function write(desk: Desk, object: { readonly metadata: { readonly name: string } }): Promise<string> {
  const file = join(desk.folder, `${object.metadata.name}.yaml`);
  await writeFile(file, stringify(object));
  return file;
}

function describeWriting(desk: () => Desk): void {
  test('create makes a namespace', async () => {
    const name = newName('kubectl');
    expect(await desk().run('create', 'namespace', name)).toEqual({
      code: 0,
      said: `namespace/${name} created`,
    });
  });

  test.each([
    ['by the client', [], ['created', 'unchanged', 'configured']],
    ['by the server', ['--server-side'], Array<string>(3).fill('serverside-applied')],
  ])('apply %s creates, says what it did, and changes', async (title, mode, words) => {
    const name = `applied-${title.replaceAll(' ', '-')}`;
    const file = await write(desk(), bindingOf(name));
    const apply = () => desk().run('apply', ...mode, '-f', file);
    const [created, again] = [await apply(), await apply()];
    await write(desk(), bindingOf(name, { labels: { a: 'b' } }, { serviceAccountName: 'other' }));
    const changed = await apply();
    expect([created, again, changed]).toEqual(
      words.map((word) => ({ code: 0, said: `${singular}/${name} ${word}` })),
    );
    const path = 'jsonpath={.spec.serviceAccountName} {.metadata.labels.a}';
    expect((await desk().run('get', full, name, '-o', path)).said).toBe('other b');
  });

  test('apply takes a field away that is no longer said', async () => {
    const file = await write(
      desk(),
      bindingOf('shorter', { labels: { a: 'b' } }, { objectiveRef: { name: 'o' } }),
    );
    await desk().run('apply', '-f', file);
    await write(desk(), bindingOf('shorter'));
    await desk().run('apply', '-f', file);
    const { said } = await desk().run(
      'get',
      full,
      'shorter',
      '-o',
      'jsonpath=[{.spec.objectiveRef}{.metadata.labels}]',
    );
    expect(said).toBe('[]');
  });

  test('apply without the server knowing changes nothing, and diff says what would change', async () => {
    const file = await write(desk(), bindingOf('tried'));
    const { said } = await desk().run('apply', '--dry-run=server', '-f', file);
    expect(said).toBe(`${singular}/tried created (server dry run)`);
    expect((await desk().run('get', full, 'tried')).code).toBe(1);
    const { code, said: difference } = await desk().run('diff', '-f', file);
    expect(code).toBe(1);
    expect(difference).toContain('+  serviceAccountName: inference-sa');
  });

  test('what the definition refuses is told in its own words', async () => {
    const file = await write(desk(), bindingOf('wrong', {}, { containerName: 'main' }));
    const { code, said } = await desk().run('apply', '-f', file);
    expect(code).toBe(1);
    expect(said).toContain('containerName must be empty when mode is PoolOnly');
    expect(said).toContain(`The InferenceIdentityBinding "wrong" is invalid`);
  });

  test('an unknown field is refused before it is written', async () => {
    const file = await write(desk(), bindingOf('typo', {}, { serviceacount: 'x' }));
    const { code, said } = await desk().run('apply', '-f', file);
    expect(code).toBe(1);
    expect(said).toContain('strict decoding error: unknown field "spec.serviceacount"');
  });

  test('patch, label and annotate write', async () => {
    await desk().run('apply', '-f', await write(desk(), bindingOf('patched')));
    const results = [
      await desk().run(
        'patch',
        'iib',
        'patched',
        '--type=merge',
        '-p',
        '{"spec":{"serviceAccountName":"x"}}',
      ),
      await desk().run(
        'patch',
        'iib',
        'patched',
        '--type=json',
        '-p',
        '[{"op":"replace","path":"/spec/serviceAccountName","value":"y"}]',
      ),
      await desk().run(
        'patch',
        'iib',
        'patched',
        '--subresource=status',
        '--type=merge',
        '-p',
        '{"status":{"trustDomain":"a.b"}}',
      ),
      await desk().run('label', 'iib', 'patched', 'a=b'),
      await desk().run('annotate', 'iib', 'patched', 'c=d'),
    ];
    const words = ['patched', 'patched', 'patched', 'labeled', 'annotated'];
    expect(results).toEqual(words.map((word) => ({ code: 0, said: `${singular}/patched ${word}` })));
    const path =
      'jsonpath={.spec.serviceAccountName} {.status.trustDomain} {.metadata.labels.a} {.metadata.annotations.c}';
    expect((await desk().run('get', 'iib', 'patched', '-o', path)).said).toBe('y a.b b d');
  });

  test('edit writes what the editor leaves', async () => {
    await desk().run('apply', '-f', await write(desk(), bindingOf('edited')));
    const { code, said } = await desk().run('edit', full, 'edited');
    expect([code, said]).toEqual([0, `${singular}/edited edited`]);
    expect((await desk().run('get', full, 'edited', '-o', 'jsonpath={.spec.serviceAccountName}')).said).toBe(
      'edited-sa',
    );
  });

  test('replace takes what was read, and refuses what was read too long ago', async () => {
    await desk().run('apply', '-f', await write(desk(), bindingOf('replaced')));
    const { said } = await desk().run('get', full, 'replaced', '-o', 'json');
    const read = JSON.parse(said) as { metadata: { name: string }; spec: object };
    const file = await write(desk(), {
      ...read,
      spec: { ...read.spec, serviceAccountName: 'new' },
    } as typeof read);
    const [first, second] = [
      await desk().run('replace', '-f', file),
      await desk().run('replace', '-f', file),
    ];
    expect(first).toEqual({ code: 0, said: `${singular}/replaced replaced` });
    expect([second.code, second.said]).toEqual([1, expect.stringContaining('the object has been modified')]);
  });

  test('delete waits until the object is gone', async () => {
    await desk().run('apply', '-f', await write(desk(), bindingOf('deleted')));
    const { code, said } = await desk().run('delete', full, 'deleted', '--timeout=20s');
    expect([code, said]).toEqual([0, expect.stringContaining(`${singular} "deleted" deleted`)]);
    expect((await desk().run('get', full, 'deleted')).said).toContain('(NotFound)');
    expect((await desk().run('delete', full, 'deleted', '--ignore-not-found')).code).toBe(0);
  });
}

function describeReading(subject: () => Subject, desk: () => Desk, place: () => Place): void {
  const ready = {
    observedGeneration: 1,
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        reason: 'Reconciled',
        message: 'm',
        observedGeneration: 1,
        lastTransitionTime: '2026-01-02T03:04:05Z',
      },
    ],
    computedSpiffeIDs: [{ mode: 'PoolOnly', spiffeID: 'spiffe://a.b/c' }],
  };

  async function makeReady(name: string, labels: object): Promise<void> {
    await made(subject().api, place().bindings, bindingOf(name, { labels }));
    await subject().api.patch(`${place().bindings}/${name}/status`, 'merge', { status: ready });
  }

  test('get prints the columns of the definition', async () => {
    await makeReady('shown', { set: 'shown' });
    const { said } = await desk().run('get', 'iib', '-l', 'set=shown');
    expect(said.split('\n').map((line) => line.split(/ {2,}/).map((cell) => cell.trim()))).toEqual([
      ['NAME', 'MODE', 'POOL', 'OBJECTIVE', 'READY', 'REASON', 'SPIFFE ID', 'AGE'],
      [
        'shown',
        'PoolOnly',
        'pool-a',
        'True',
        'Reconciled',
        'spiffe://a.b/c',
        expect.stringMatching(/^\d+s$/),
      ],
    ]);
  });

  test.each(['iib', 'kleym', 'inferenceidentitybinding', plural, full])(
    'get understands %s',
    async (word) => {
      const { code } = await desk().run('get', word, '-o', 'name');
      expect(code).toBe(0);
    },
  );

  test('get chooses by labels and by the fields of the definition', async () => {
    await makeReady('chosen', { set: 'chosen' });
    const byField = await desk().run(
      'get',
      full,
      '--field-selector',
      'metadata.name=chosen,spec.poolRef.name=pool-a',
      '-o',
      'name',
    );
    const byLabel = await desk().run('get', full, '-l', 'set in (chosen)', '-o', 'name');
    expect([byField.said, byLabel.said]).toEqual([`${singular}/chosen`, `${singular}/chosen`]);
  });

  test('wait sees a condition and a deletion', async () => {
    await makeReady('awaited', {});
    const met = await desk().run('wait', `${full}/awaited`, '--for=condition=Ready', '--timeout=10s');
    expect(met).toEqual({ code: 0, said: `${singular}/awaited condition met` });
    const waiting = desk().run('wait', `${full}/awaited`, '--for=delete', '--timeout=20s');
    await desk().run('delete', full, 'awaited', '--wait=false');
    expect((await waiting).code).toBe(0);
  });

  test('describe shows the object and its Events', async () => {
    const { metadata } = await made(subject().api, place().bindings, bindingOf('described'));
    const { name, namespace, uid } = metadata;
    const type = { apiVersion: 'kleym.sonda.red/v1alpha1', kind: 'InferenceIdentityBinding' };
    await made(subject().api, place().events, {
      metadata: { name: 'described.1' },
      eventTime: new Date().toISOString().replace('Z', '000Z'),
      reportingController: 'kleym.sonda.red/reconcile',
      reportingInstance: 'i',
      action: 'Reconciled',
      reason: 'Reconciled',
      type: 'Normal',
      note: 'the note of the Event',
      regarding: { ...type, name, namespace, uid },
    });
    const { code, said } = await desk().run('describe', full, 'described');
    expect(code).toBe(0);
    expect(said).toMatch(/Service Account Name: +inference-sa/);
    expect(said).toMatch(/Normal +Reconciled .*the note of the Event/);
  });

  test('explain knows the fields of the definition', async () => {
    const { code, said } = await desk().run('explain', `${plural}.spec.serviceAccountName`);
    expect(code).toBe(0);
    expect(said).toContain('FIELD: serviceAccountName <string>');
    expect(said).toContain('Service account of the workloads.');
  });

  const unknown = { apiVersion: 'nothing.example.org/v1', kind: 'Nothing', metadata: { name: 'a' } };

  test.each([['apply'], ['apply', '--server-side'], ['create'], ['delete']])(
    '%s %s says that a kind without a definition has no match',
    async (...words) => {
      const file = await write(desk(), unknown);
      const { code, said } = await desk().run(...words.filter(Boolean), '-f', file);
      expect([code, said]).toEqual([
        1,
        `error: resource mapping not found for name: "a" namespace: "" from "${file}": ` +
          'no matches for kind "Nothing" in version "nothing.example.org/v1"\nensure CRDs are installed first',
      ]);
    },
  );

  test('get and explain say that the server has no such resource', async () => {
    const says = `the server doesn't have a resource type "nothings"`;
    expect(await desk().run('get', 'nothings')).toEqual({ code: 1, said: `error: ${says}` });
    expect((await desk().run('explain', 'nothings')).said).toContain(says);
  });

  test('api-resources lists the kind', async () => {
    const { said } = await desk().run('api-resources', '--api-group=kleym.sonda.red', '--no-headers');
    expect(said.split(/\s+/)).toEqual([
      plural,
      'iib',
      'kleym.sonda.red/v1alpha1',
      'true',
      'InferenceIdentityBinding',
    ]);
  });

  test('auth can-i answers', async () => {
    const { said } = await desk().run('auth', 'can-i', 'create', full);
    expect(said).toContain('yes');
  });

  test('get --raw shows what the server says', async () => {
    const { said } = await desk().run('get', '--raw', '/readyz');
    expect(said).toBe('ok');
  });
}
