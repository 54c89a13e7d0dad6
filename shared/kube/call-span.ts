import { type Span, currentSpan } from '../telemetry/span.ts';
import { redact } from '../text/redact.ts';
import type { ApiAnswer, Call } from './transport.ts';

/** Begins the span of a call, if the call is made for an event that is traced and recorded. */
export function startCallSpan({ method, path }: Call): Span | undefined {
  const span = currentSpan();
  if (!span) return undefined;
  const template = toCallName(path);
  return span.startCall(`${method} ${template}`, {
    'http.request.method': method,
    'url.template': template,
    'url.path': path,
  });
}

// What the protocol asks by: whether an object is there, and whether somebody was faster.
const expectedStatus = [404, 409];

/** Ends the span of a call that was answered. */
export function endAnswered(span: Span | undefined, resent: number, { status }: ApiAnswer): void {
  const isError = status >= 400 && !expectedStatus.includes(status);
  const attributes = {
    'http.response.status_code': status,
    ...toResent(resent),
    ...(isError && { 'error.type': String(status) }),
  };
  span?.end(attributes, isError ? `answered ${status}` : undefined);
}

/** Ends the span of a call without an answer. */
export function endUnanswered(span: Span | undefined, resent: number, error: unknown): void {
  const [type, message] = error instanceof Error ? [error.name, error.message] : [typeof error, ''];
  span?.end({ ...toResent(resent), 'error.type': type }, redact(message));
}

function toResent(resent: number) {
  return resent > 0 ? { 'http.request.resend_count': resent } : {};
}

/**
 * The path of a call without the names in it, so that calls of one kind are one group in a trace: `/apis/<group>/<version>`
 * and what follows in `/namespaces/{namespace}/<plural>/{name}/<subresource>`.
 */
export function toCallName(path: string): string {
  const [empty = '', root = '', ...rest] = path.split('/');
  const ofVersion = root === 'api' ? 1 : 2;
  const version = rest.slice(0, ofVersion);
  const [first, , ...inside] = rest.slice(ofVersion);
  const isInside = first === 'namespaces' && inside.length > 0;
  const [plural, name, ...more] = isInside ? inside : rest.slice(ofVersion);
  return [
    empty,
    root,
    ...version,
    ...(isInside ? ['namespaces', '{namespace}'] : []),
    ...(plural === undefined ? [] : [plural]),
    ...(name === undefined ? [] : ['{name}']),
    ...more,
  ].join('/');
}
