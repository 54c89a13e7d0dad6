import { rotate } from '../concurrency/rotate.ts';

interface Named {
  readonly namespace: string;
  readonly name: string;
}

// Kafka's default for a record is 1 MiB with its headers, and a broker that refuses a reply has it sent again in vain.
const maxBytes = 768 * 1024;

/** So many are parsed and sorted in 100 ms. Of names with more than a dozen letters the bytes allow fewer. */
export const mostNames = 50_000;

/**
 * As many of these names as one event carries. Where they are too many, those of another cause begin at another place, so
 * that what cannot settle never starves the rest.
 */
export function cutNames<T extends Named>(all: readonly T[], cause: string): readonly T[] {
  if (countFitting(all) === all.length) return all;
  const turned = rotate(all, cause);
  return turned.slice(0, countFitting(turned));
}

/** How many of them fit, where those of one namespace stand together as JSON. Names and namespaces are ASCII. */
function countFitting(all: readonly Named[]): number {
  let bytes = '{"bindings":[]}'.length;
  let namespace: string | undefined;
  for (const [index, one] of all.entries()) {
    if (one.namespace !== namespace) bytes += '{"namespace":"","names":[]},'.length + one.namespace.length;
    bytes += '"",'.length + one.name.length;
    if (bytes > maxBytes || index === mostNames) return index;
    ({ namespace } = one);
  }
  return all.length;
}
