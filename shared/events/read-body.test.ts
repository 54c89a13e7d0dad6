import { expect, test } from 'vitest';
import { readBody } from './read-body.ts';

test('a body that stops in the middle is waited for only so long', async () => {
  const body = new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(3)) });
  const request = new Request('http://function/', { method: 'POST', body, duplex: 'half' });
  expect(await readBody(request, { bytes: 10, ms: 1 })).toEqual({
    kind: 'waiting',
    message: 'the body did not arrive within 1 ms',
  });
});

test.each([
  [10, { kind: 'done', value: Buffer.alloc(10) }],
  [11, { kind: 'too-large', limit: 10 }],
])('a body of %i bytes, where 10 are allowed', async (length, expected) => {
  const request = new Request('http://function/', { method: 'POST', body: new Uint8Array(length) });
  expect(await readBody(request, { bytes: 10, ms: 10_000 })).toEqual(expected);
});
