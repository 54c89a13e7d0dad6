import type { Stored } from '../support/kube-client.ts';

/** Where a text is in an object. */
export type TextPath = readonly string[];

// The API server reads these itself; nobody but it and the garbage collector takes them for a text.
const notTenants =
  /^(apiVersion|kind|metadata\.(name|namespace|uid|resourceVersion|creationTimestamp|managedFields.*|generateName))$/;

/** Where the object has texts that somebody may have written. */
export function listTexts(object: unknown, path: TextPath = []): TextPath[] {
  if (notTenants.test(path.join('.'))) return [];
  if (typeof object === 'string') return [path];
  if (typeof object !== 'object' || object === null) return [];
  return Object.entries(object).flatMap(([key, inner]) => listTexts(inner, [...path, key]));
}

/** The object with another text there. */
export function replaceText(object: Stored, path: TextPath, text: string): Stored {
  return replaceAt(object, path, text) as Stored;
}

function replaceAt(value: unknown, [key, ...rest]: TextPath, text: string): unknown {
  if (key === undefined) return text;
  if (Array.isArray(value))
    return value.map((one, index) => (String(index) === key ? replaceAt(one, rest, text) : one));
  const object = value as Readonly<Record<string, unknown>>;
  return { ...object, [key]: replaceAt(object[key], rest, text) };
}
