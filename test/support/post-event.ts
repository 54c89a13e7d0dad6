import type { CloudEvent } from 'cloudevents';
import type { Hono } from 'hono';
import { pino } from 'pino';
import { type Handler, functionApp } from '../../shared/events/function-app.ts';
import { HTTP } from 'cloudevents';
import type { BindingNames } from '../../shared/events/bindings-affected.ts';

/** What a function answered: the status, and of a reply which bindings it names. */
export interface Answered {
  readonly status: number;
  readonly bindings?: BindingNames[];
  readonly error?: unknown;
}

/** A function without a log. */
export function silentApp(handler: Handler, name = 'under-test'): Hono {
  return functionApp(name, handler, { log: pino({ level: 'silent' }) });
}

/** Posts one event in binary mode. */
export async function postEvent(
  app: Hono,
  event: { readonly attributes: Record<string, string>; readonly data?: unknown },
): Promise<Answered> {
  const headers = new Headers({ 'content-type': 'application/json' });
  for (const [name, value] of Object.entries({
    specversion: '1.0',
    id: 'cause',
    source: 'https://10.96.0.1:443',
    ...event.attributes,
  })) {
    headers.set(`ce-${name}`, value);
  }
  const body = event.data === undefined ? null : JSON.stringify(event.data);
  return toAnswered(await app.request('/', { method: 'POST', headers, body }));
}

/** Reads an answer; what a 2xx carries is parsed by the CloudEvents library, not by our own code. */
export async function toAnswered(response: Response): Promise<Answered> {
  const { status } = response;
  const body = await response.text();
  if (status >= 400) return { status, error: JSON.parse(body) };
  if (body === '') return { status };
  const event = HTTP.toEvent<{ bindings: BindingNames[] }>({
    headers: Object.fromEntries(response.headers),
    body,
  }) as CloudEvent<{
    bindings: BindingNames[];
  }>;
  event.validate();
  return { status, ...(event.data && { bindings: event.data.bindings }) };
}
