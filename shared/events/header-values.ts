const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * The value of an attribute as its HTTP header says it (CloudEvents HTTP binding 1.0.2, section 3.1.3.2): quoted
 * strings unescaped, then percent-decoded once. `undefined` when the bytes are not UTF-8. A `%` that begins no escape
 * stands for itself, because senders that never encode exist (Knative's Go SDK is one).
 */
export function decodeHeaderValue(value: string): string | undefined {
  if (/^[\x20-\x7e]*$/.test(value) && !/["%]/.test(value)) return value;
  const unquoted = /^"(.*)"$/s.exec(value)?.[1]?.replaceAll(/\\(.)/gs, '$1') ?? value;
  // HTTP libraries hand out the bytes of a header as Latin-1.
  const bytes = unquoted.replaceAll(/%([0-9a-f]{2})/gi, (_escape, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
  if (/^[\x20-\x7e]*$/.test(bytes)) return bytes;
  try {
    return decoder.decode(Buffer.from(bytes, 'latin1'));
  } catch {
    return undefined;
  }
}

/** The value of an attribute as an HTTP header may carry it. */
export function encodeHeaderValue(value: string): string {
  return value.toWellFormed().replaceAll(/[^\x21\x23\x24\x26-\x7e]/gu, (character) => {
    const bytes = Buffer.from(character, 'utf8');
    return [...bytes].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
  });
}
