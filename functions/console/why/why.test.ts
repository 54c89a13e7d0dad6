import { describe, expect, test } from 'vitest';
import { readyStatus, useConsole } from '../../../test/support/console.ts';
import { binding, objective, pool } from '../../../test/support/manifests.ts';
import { podManifest } from '../../../test/support/pods.ts';
import { parseQuestion } from './parse-question.ts';

const nothing = { namespace: '', pod: '', serviceAccount: '', labels: '', container: '', image: '' };

describe('the form', () => {
  test('asks nothing where nothing was said', () => {
    expect(parseQuestion(nothing)).toEqual({ kind: 'none' });
  });

  test('describes a pod; one without a service account has the default', () => {
    const fields = { ...nothing, namespace: 'team-a', labels: 'app=x, tier=gpu\nempty=', container: 'chat' };
    expect(parseQuestion(fields)).toEqual({
      kind: 'described',
      namespace: 'team-a',
      serviceAccountName: 'default',
      labels: { app: 'x', tier: 'gpu', empty: '' },
      container: 'chat',
    });
  });

  test('asks about a pod that is there', () => {
    expect(parseQuestion({ ...nothing, namespace: 'team-a', pod: 'chat-0', container: 'chat' })).toEqual({
      kind: 'pod',
      namespace: 'team-a',
      name: 'chat-0',
      container: 'chat',
    });
  });

  test.each([
    [{ container: 'chat' }, 'namespace is "": expected the name of a namespace'],
    [{ namespace: 'Team A' }, 'namespace is "Team A": expected the name of a namespace'],
    [{ namespace: 'team-a' }, 'container is "": expected the name of a container of the pod'],
    [{ namespace: 'team-a', labels: 'app' }, 'labels has "app": expected key=value'],
    [{ namespace: 'team-a', labels: 'a=b=c' }, 'labels has "a=b=c": expected key=value'],
    [{ namespace: 'team-a', labels: '__proto__=x' }, 'labels has "__proto__=x": expected key=value'],
  ])('%j is wrong', (fields, message) => {
    expect(parseQuestion({ ...nothing, ...fields })).toEqual({ kind: 'invalid', message });
  });
});

describe('the answer', async () => {
  const { create, read, see } = await useConsole();
  const spiffeID = 'spiffe://example.org/ns/team-a/objective/objective-a';
  await create(
    pool(),
    objective(),
    { ...binding('chat'), status: readyStatus(spiffeID) },
    podManifest({ name: 'chat-0', namespace: 'team-a', containers: ['mian'] }),
  );
  const described = 'namespace=team-a&serviceAccount=inference-sa&labels=app%3Dmodel-server';

  test('is what is missing, and what to change', async () => {
    const words = await read(`/why?${described}&container=mian`);
    expect(words).toContain(
      'container mian of such a pod in namespace team-a matches no binding; nearest is chat: container name "mian" ≠ "main"',
    );
    expect(words).toContain('→ call the container main, or set spec.containerName of binding chat to mian');
    expect(words).not.toContain('node');
  });

  test('is about a pod that is there in the words of the command', async () => {
    expect(await read('/why?namespace=team-a&pod=chat-0')).toContain(
      'container mian of pod team-a/chat-0 matches no binding; nearest is chat: container name "mian" ≠ "main"',
    );
    expect(await read('/why?namespace=team-a&pod=chat-1')).toContain('pod team-a/chat-1 was not found');
    expect(await read('/why?namespace=team-a&pod=chat-0&container=main')).toContain(
      'the pod has no container "main": it has mian; did you mean mian?',
    );
  });

  test('keeps what was asked in the form, which is sent by GET', async () => {
    const html = await see(`/why?${described}&container=mian`);
    expect(html).toContain('<form class="why" action="/why">');
    expect(html).toMatch(/name="labels" value="app=model-server"/);
  });
});
