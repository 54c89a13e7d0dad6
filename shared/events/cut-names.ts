import { rotate } from '../concurrency/rotate.ts';

interface Named {
  readonly namespace: string;
  readonly name: string;
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
export function cutNames<T extends Named>(all: readonly T[], cause: string): readonly T[] {
  if (countFitting(all) === all.length) return all;
  const turned = rotate(all, cause);
  return turned.slice(0, countFitting(turned));
}

/** How many of them fit, if those of one group stand together as JSON. Names and namespaces are ASCII. */
function countFitting(all: readonly Named[]): number {
  let bytes = '{"bindings":[]}'.length;
  let before: Named | undefined;
  for (const [index, one] of all.entries()) {
    if (!before || !isSameGroup(one, before))
      bytes += '{"namespace":"","names":[],"hasOwnReason":true},'.length + one.namespace.length;
    bytes += '"",'.length + one.name.length;
    if (bytes > maxBytes || index === mostNames) return index;
    before = one;
  }
  return all.length;
}

function isSameGroup(a: Named, b: Named): boolean {
  return a.namespace === b.namespace && a.isWhole === b.isWhole && a.hasOwnReason === b.hasOwnReason;
}
