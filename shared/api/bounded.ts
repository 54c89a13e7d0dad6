// No valid label, name or group is longer.
const maxText = 400;

/** The beginning of a text that others wrote, as long as it can matter; null for anything else. */
export function toBoundedText(value: unknown): string | null {
  return typeof value === 'string' ? value.slice(0, maxText) : null;
}

/** The first members of a list. Anything else is returned as it is, and the schema refuses it. */
export function toBeginning(value: unknown, most: number): unknown {
  return Array.isArray(value) ? value.slice(0, most) : value;
}

/** Whether a JSON value is an object. */
export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
