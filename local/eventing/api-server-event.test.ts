import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Change, KubeObject, guessPlural, toApiServerEvent } from './api-server-event.ts';
import { toHttpMessage, toWireEvent } from './wire-event.ts';

const fixtures = join(import.meta.dirname, '../../test/fixtures/events');
const Fixture = z.object({
  requests: z.array(z.object({ rawHeaders: z.array(z.tuple([z.string(), z.string()])), body: z.string() })),
});
const CHANGES: readonly Change[] = ['add', 'update', 'delete'];
/** Different in each event, and what belongs to the connection rather than to the event. */
const notCompared = new Set([
  'ce-id',
  'ce-time',
  'host',
  'user-agent',
  'content-length',
  'accept-encoding',
  'kn-namespace',
]);

const captured = readdirSync(fixtures)
  .filter((name) => /^(resource|reference)\./.test(name))
  .flatMap((name) => {
    const { requests } = Fixture.parse(JSON.parse(readFileSync(join(fixtures, name), 'utf8')));
    return requests.map(({ rawHeaders, body }) => ({
      name,
      headers: Object.fromEntries(rawHeaders.map(([header, value]) => [header.toLowerCase(), value])),
      body,
    }));
  });

function compared(headers: Record<string, string | undefined>) {
  return Object.fromEntries(Object.entries(headers).filter(([header]) => !notCompared.has(header)));
}

describe('what Knative sent for a change, and what is sent here', () => {
  test.each(captured)('$name', ({ name, headers, body }) => {
    const change = CHANGES.find((one) => headers['ce-type']?.endsWith(`.${one}`));
    const kind = headers['ce-kind'] ?? '';
    const mode = name.startsWith('resource.') ? 'Resource' : 'Reference';
    const object =
      mode === 'Resource'
        ? KubeObject.parse(JSON.parse(body))
        : {
            apiVersion: headers['ce-apiversion'] ?? '',
            kind,
            // a cluster-scoped object has no namespace, not an empty one
            metadata: {
              name: headers['ce-name'] ?? '',
              ...(headers['ce-namespace'] ? { namespace: headers['ce-namespace'] } : {}),
            },
          };
    if (!change) throw new Error(`unexpected type ${headers['ce-type']}`);
    const event = toApiServerEvent(change, object, {
      server: headers['ce-source'] ?? '',
      mode,
      plural: guessPlural(kind),
    });
    const sent = toHttpMessage(toWireEvent(event));
    expect(compared(sent.headers)).toEqual(compared(headers));
    expect(Buffer.from(sent.body).toString()).toBe(body);
    expect(sent.headers['ce-id']).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    expect(sent.headers['ce-time']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/);
  });

  test('all of the captured events are compared', () => {
    expect(captured.length).toBeGreaterThan(50);
  });
});

test('extensions of a source override what the event says', () => {
  const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'n' } };
  const origin = {
    server: 'https://k',
    mode: 'Resource',
    plural: 'pods',
    extensions: { cluster: 'a', name: 'other' },
  } as const;
  expect(toApiServerEvent('add', object, origin)).toMatchObject({
    cluster: 'a',
    name: 'other',
    subject: '/apis/v1/namespaces/n/pods/p',
  });
});

test.each([
  ['ClusterSPIFFEID', 'clusterspiffeids'],
  ['InferencePool', 'inferencepools'],
  ['Ingress', 'ingresses'],
  ['Policy', 'policies'],
  ['Key', 'keies'],
])('the plural of %s is guessed as %s', (kind, plural) => {
  expect(guessPlural(kind)).toBe(plural);
});
