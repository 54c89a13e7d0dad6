import { once } from 'node:events';
import { type ServerResponse, createServer } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { binding, output } from './manifests.ts';
import type { Manifest, Stored } from './kube-client.ts';
import { startWriteRecorder } from './write-recorder.ts';

function at(manifest: Manifest, revision: number): Stored {
  return { ...manifest, metadata: { ...manifest.metadata, uid: 'uid', resourceVersion: String(revision) } };
}

function line(type: string, manifest: Manifest, revision: number): string {
  return `${JSON.stringify({ type, object: at(manifest, revision) })}\n`;
}

/** An API server whose lists are empty at revision 10, and whose watches of outputs are answered one after the other as a test says. */
async function serve(...watches: readonly ((response: ServerResponse) => void)[]): Promise<string> {
  const asked = watches.values();
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://any');
    if (!url.searchParams.has('watch'))
      return void response.end(JSON.stringify({ metadata: { resourceVersion: '10' }, items: [] }));
    if (url.pathname.endsWith('inferenceidentitybindings'))
      return void response.write(line('ADDED', binding(), 13));
    response.setHeader('from', url.searchParams.get('resourceVersion') ?? '');
    asked.next().value?.(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
}

test('writes are recorded in the order of etcd, across a watch that broke in the middle of a line', async () => {
  const from: unknown[] = [];
  const url = await serve(
    (response) => {
      from.push(response.getHeader('from'));
      response.write(line('ADDED', output('a'), 11));
      response.end(line('MODIFIED', output('a'), 12).slice(0, 20));
    },
    (response) => {
      from.push(response.getHeader('from'));
      response.write(line('MODIFIED', output('a'), 12));
      response.write(line('DELETED', output('a'), 14));
    },
  );
  const recorder = await startWriteRecorder(url);
  await recorder.upTo(at(binding(), 13), at(output('a'), 14));
  await recorder.stop();
  const { events } = recorder.history();
  expect(events.map(({ revision, type, kind }) => `${revision} ${type} ${kind}`)).toEqual([
    '11 ADDED output',
    '12 MODIFIED output',
    '13 ADDED binding',
    '14 DELETED output',
  ]);
  expect(from).toEqual(['10', '11']);
});

test.each<[string, (response: ServerResponse) => void]>([
  ['refuses an old revision', (response) => void response.writeHead(410).end()],
  [
    'has forgotten it meanwhile',
    (response) =>
      void response.write(`${JSON.stringify({ type: 'ERROR', object: { metadata: {}, code: 410 } })}\n`),
  ],
  [
    'goes back',
    (response) => void response.write(line('ADDED', output('a'), 12) + line('ADDED', output('b'), 11)),
  ],
])('the recorder reports a gap when the API server %s', async (_case, answer) => {
  const recorder = await startWriteRecorder(await serve(answer));
  await expect(recorder.upTo(at(binding(), 13), at(output('a'), 99))).rejects.toThrow(
    'the record of outputs has a gap',
  );
  await expect(recorder.stop()).rejects.toThrow('the record of outputs has a gap');
});
