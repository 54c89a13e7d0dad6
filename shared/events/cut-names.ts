import { rotate } from '../concurrency/rotate.ts';

interface Group {
  readonly namespace: string;
  readonly names: readonly string[];
  readonly isWhole?: boolean | undefined;
  readonly hasOwnReason?: boolean | undefined;
}

// A record of Kafka has 1 MiB with its headers by default. A broker that cannot store a reply has the event sent again
// in vain.
const maxBytes = 768 * 1024;

/** This many names are parsed and sorted in 100 ms. If names have more than a dozen letters, the bytes allow fewer. */
export const mostNames = 50_000;

/**
 * As many of these names as one event carries. If they are too many, each cause begins at another place, so that names
 * that never converge do not keep out the rest.
 */
export function cutNames<T extends Group>(groups: readonly T[], cause: string): readonly T[] {
  if (countFitting(groups) === countNames(groups)) return groups;
  const each = groups.flatMap((group) => group.names.map((name) => ({ ...group, names: [name] })));
  const turned = rotate(each, cause);
  return turned.slice(0, countFitting(turned));
}

/** How many names these are together. */
export function countNames(groups: readonly Group[]): number {
  return groups.reduce((sum, { names }) => sum + names.length, 0);
}

/** How many of them fit, if those of one group stand together as JSON. Names and namespaces are ASCII. */
function countFitting(groups: readonly Group[]): number {
  let bytes = '{"bindings":[]}'.length;
  let count = 0;
  let before: Group | undefined;
  for (const group of groups) {
    if (!before || !isSameGroup(group, before))
      bytes += '{"namespace":"","names":[],"hasOwnReason":true},'.length + group.namespace.length;
    before = group;
    for (const name of group.names) {
      bytes += '"",'.length + name.length;
      if (bytes > maxBytes || count === mostNames) return count;
      count++;
    }
  }
  return count;
}

function isSameGroup(a: Group, b: Group): boolean {
  return a.namespace === b.namespace && a.isWhole === b.isWhole && a.hasOwnReason === b.hasOwnReason;
}
