// Longer than any label, name or group that can be valid: what is cut off would not have made it so.
const maxText = 400;

/** A text of somebody else's, no longer than it can matter; anything else as null, which no text is. */
export function toBoundedText(value: unknown): string | null {
  return typeof value === 'string' ? value.slice(0, maxText) : null;
}

/** Whether a value is a map, as far as JSON goes. */
export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
