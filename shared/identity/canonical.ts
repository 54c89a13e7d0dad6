import { isMap } from '../api/bounded.ts';

/** JSON with sorted keys and without undefined members: equal things have equal texts. */
export function toCanonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  // Labels and selectors are long, and in order as a rule; then the engine writes them five times as fast.
  if (Array.isArray(value) ? value.every(isText) : isSortedTexts(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(toCanonical).join(',')}]`;
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .toSorted(([a], [b]) => compareText(a, b))
    .map(([key, member]) => `${JSON.stringify(key)}:${toCanonical(member)}`);
  return `{${members.join(',')}}`;
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isSortedTexts(value: object): boolean {
  let previous = '';
  for (const [key, member] of Object.entries(value)) {
    if (!isText(member) || key < previous) return false;
    previous = key;
  }
  return true;
}

/** Whether two values have the same canonical text. */
export function isSameJson(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => isSameJson(item, b[index]));
  return isMap(a) && isMap(b) && countMembers(a) === countMembers(b) && hasMembers(a, b);
}

function countMembers(value: Record<string, unknown>): number {
  let count = 0;
  for (const key in value) if (value[key] !== undefined) count++;
  return count;
}

/** Many are compared, so nothing is made for it. */
function hasMembers(value: Record<string, unknown>, members: Record<string, unknown>): boolean {
  for (const key in members) {
    if (members[key] === undefined) continue;
    if (!Object.hasOwn(value, key) || !isSameJson(value[key], members[key])) return false;
  }
  return true;
}

/** The order of the code units, which for ASCII is that of the bytes: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
