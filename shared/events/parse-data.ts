import { type Done, done } from '../api/outcome.ts';
import { type RefusedEvent, refusedEvent } from './answers.ts';
import { parseJson } from '../text/parse-json.ts';
import { quote } from './quote.ts';

/** What was read, or why it could not be. */
export type Parsed<T> = Done<T> | RefusedEvent;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Parses data by its content type. Knative's PingSource sends data without one: JSON if possible, else text. */
export function parseData(body: Uint8Array, contentType: string | undefined): Parsed<unknown> {
  if (body.length === 0) return done(undefined);
  const mediaType = toMediaType(contentType);
  if (mediaType === undefined) {
    const json = parseJsonBody(body, contentType);
    return json.kind === 'done' ? json : parseText(body, contentType);
  }
  if (/^(application|text)\/([^;]+\+)?json$/.test(mediaType)) return parseJsonBody(body, contentType);
  return mediaType.startsWith('text/') ? parseText(body, contentType) : done(body);
}

/** Parses a body as JSON in UTF-8. */
export function parseJsonBody(body: Uint8Array, contentType: string | undefined): Parsed<unknown> {
  const text = parseText(body, contentType);
  if (text.kind !== 'done') return text;
  const value = parseJson(text.value);
  if (value !== undefined) return done(value);
  return refusedEvent('the body is not JSON', {
    found: `${body.length} bytes of other text`,
    expected: `JSON, because the content type is ${quote(contentType)}`,
  });
}

function parseText(body: Uint8Array, contentType: string | undefined): Parsed<string> {
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(contentType ?? '')?.[1] ?? 'utf-8';
  const expected = 'text in UTF-8';
  if (!/^(utf-?8|us-ascii)$/i.test(charset))
    return refusedEvent('the body cannot be read', { found: `charset ${quote(charset)}`, expected });
  try {
    return done(utf8.decode(body));
  } catch {
    return refusedEvent('the body cannot be read', { found: 'bytes that are not UTF-8', expected });
  }
}

/** `Application/JSON; charset="UTF-8"` → `application/json`. */
export function toMediaType(contentType: string | undefined): string | undefined {
  return contentType?.split(';', 1)[0]?.trim().toLowerCase() || undefined;
}
