import { type Done, type Waiting, done } from '../api/outcome.ts';
import { type RefusedEvent, type TooLarge, refusedEvent, waiting } from './answers.ts';
import type { EventRequest } from './http-answer.ts';

interface BodyLimits {
  readonly bytes: number;
  /** A sender that stops in the middle must not keep the room for ever that it has in memory. */
  readonly ms: number;
}

/** The body of a request, of which never more than the limit (and one chunk) is kept. */
export async function readBody(
  request: EventRequest,
  limits: BodyLimits,
): Promise<Done<Uint8Array> | TooLarge | RefusedEvent | Waiting> {
  const limit = limits.bytes;
  if (declaredLength(request) > limit) return { kind: 'too-large', limit };
  if (!request.body) return done(new Uint8Array());

  const late = Promise.withResolvers<'late'>();
  const timer = setTimeout(() => late.resolve('late'), limits.ms);
  // Not `for await`, which would close the connection before the answer to what was not read to its end.
  const incoming = request.body[Symbol.asyncIterator]();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      const read = await Promise.race([incoming.next(), late.promise]);
      if (read === 'late') return waiting(`the body did not arrive within ${limits.ms} ms`);
      if (read.done) return done(Buffer.concat(chunks));
      // A declared length can be absent (chunked) or a lie, so what arrives is counted.
      size += read.value.length;
      if (size > limit) return { kind: 'too-large', limit };
      chunks.push(read.value);
    }
  } catch {
    return refusedEvent('the request ended early', { found: `${size} bytes`, expected: 'a complete body' });
  } finally {
    clearTimeout(timer);
  }
}

/** What a request says of its length; NaN where it says nothing. */
export function declaredLength(request: EventRequest): number {
  return Number(request.headers.get('content-length') ?? Number.NaN);
}
