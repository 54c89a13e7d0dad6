import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { toPingEvent } from './ping-event.ts';
import { toHttpMessage, toWireEvent } from './wire-event.ts';

const Fixture = z.object({
  requests: z.array(z.object({ rawHeaders: z.array(z.tuple([z.string(), z.string()])), body: z.string() })),
});

function compared(headers: Record<string, string>) {
  const { 'ce-id': _id, 'ce-time': _time, ...rest } = headers;
  return Object.fromEntries(
    Object.entries(rest).filter(([name]) => name === 'content-type' || name.startsWith('ce-')),
  );
}

test.each([
  ['nodata', {}],
  ['over', { extensions: { kleymsweep: 'full' } }],
  ['json', { data: '{"sweep":true}', contentType: 'application/json' }],
  ['text', { data: 'hello', contentType: 'text/plain' }],
  ['data-without-contenttype', { data: '{"a":1}' }],
])('a tick is what Knative sent: %s', (name, parts) => {
  const file = join(import.meta.dirname, `../../test/fixtures/events/ping.${name}.json`);
  const [request] = Fixture.parse(JSON.parse(readFileSync(file, 'utf8'))).requests;
  const headers = Object.fromEntries(
    request?.rawHeaders.map(([header, value]) => [header.toLowerCase(), value]) ?? [],
  );
  const source = headers['ce-source']?.split('/').at(-1) ?? '';
  const event = toPingEvent({
    name: source,
    namespace: 'kleym-system',
    schedule: '* * * * *',
    data: undefined,
    contentType: undefined,
    extensions: {},
    ...parts,
  });

  const sent = toHttpMessage(toWireEvent(event));
  expect(compared(sent.headers)).toEqual(compared(headers));
  expect(Buffer.from(sent.body).toString()).toBe(request?.body);
});
