import { hash } from 'node:crypto';

/** A value without the names of uids, nonces and resourceVersions in it, which matter only up to equality. */
export interface Shape {
  readonly form: string;
  /** The names, in the order in which they first appear. */
  readonly names: readonly string[];
}

const naming = /(?:uid|rv|nonce)~[\w.-]+/g;

export function toShape(value: unknown): Shape {
  const names = new Map<string, number>();
  const text = JSON.stringify(value).replace(naming, (name) => {
    const index = names.get(name) ?? names.size;
    names.set(name, index);
    return `~${index}`;
  });
  return { form: digest(text), names: [...names.keys()] };
}

/** The shape of a value that is one part longer. */
export function extendShape(before: Shape, part: unknown): Shape {
  const own = toShape(part);
  const names = [...new Set([...before.names, ...own.names])];
  const indexes = own.names.map((name) => names.indexOf(name));
  return { form: digest(JSON.stringify([before.form, own.form, indexes])), names };
}

/** One text for several shapes whose names mean the same things. */
export function joinShapes(shapes: readonly Shape[]): string {
  const names = new Map<string, number>();
  const parts = shapes.map(({ form, names: own }) => {
    for (const name of own) if (!names.has(name)) names.set(name, names.size);
    return [form, ...own.map((name) => names.get(name))];
  });
  return digest(JSON.stringify(parts));
}

function digest(text: string): string {
  return hash('sha1', text, 'base64').slice(0, 20);
}
