// Longer than any label, name or group that can be valid: what is cut off would not have made it so.
const maxText = 400;

/** A text of somebody else's, no longer than it can matter; anything else as null, which no text is. */
export function toBoundedText(value: unknown): string | null {
  return typeof value === 'string' ? value.slice(0, maxText) : null;
}

/** The first members of a list; anything else as it is, for a schema to refuse. */
export function toBeginning(value: unknown, most: number): unknown {
  return Array.isArray(value) ? value.slice(0, most) : value;
}

/** Whether a value is a map, as far as JSON goes. */
export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
