import { type Done, done } from '../api/outcome.ts';
import { type RefusedEvent, type TooLarge, refusedEvent } from './answers.ts';

/** The body of a request, of which never more than the limit (and one chunk) is kept. */
export async function readBody(
  request: Request,
  limit: number,
): Promise<Done<Uint8Array> | TooLarge | RefusedEvent> {
  if (Number(request.headers.get('content-length')) > limit) return { kind: 'too-large', limit };
  if (!request.body) return done(new Uint8Array());

  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    // A declared length can be absent (chunked) or a lie, so what arrives is counted.
    for await (const chunk of request.body) {
      size += chunk.length;
      if (size > limit) return { kind: 'too-large', limit };
      chunks.push(chunk);
    }
  } catch {
    return refusedEvent('the request ended early', { found: `${size} bytes`, expected: 'a complete body' });
  }
  return done(Buffer.concat(chunks));
}
