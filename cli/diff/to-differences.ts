import type { Identity } from '../../shared/identity/render-identity.ts';
import { selectorPrefixes } from '../../shared/identity/workload-selectors.ts';

/** Whether a binding has an identity to give, and which; or why it has none. */
export type Standing =
  | { readonly kind: 'identity'; readonly identity: Identity }
  | { readonly kind: 'none'; readonly reason: string; readonly message: string }
  | { readonly kind: 'absent' };

/** What is different between two standings of a binding, in words. */
export function toDifferences(before: Standing, after: Standing): readonly string[] {
  return [
    ...toReasonWords(before, after),
    ...(before.kind === 'identity' && after.kind === 'identity'
      ? toIdentityWords(before.identity, after.identity)
      : []),
  ];
}

function toReasonWords(before: Standing, after: Standing): string[] {
  const [old, next] = [before, after].map((standing) =>
    standing.kind === 'none' ? standing.reason : undefined,
  );
  if (old === next) return [];
  return [...(old === undefined ? [] : [`${old} ends`]), ...(next === undefined ? [] : [`${next} begins`])];
}

function toIdentityWords(old: Identity, next: Identity): string[] {
  const [oldName, nextName] = [old.output.metadata.name, next.output.metadata.name];
  return [
    ...(old.spiffeId === next.spiffeId ? [] : [`SPIFFE ID ${old.spiffeId} → ${next.spiffeId}`]),
    ...toSelectorWords(old.selectors, next.selectors),
    ...(oldName === nextName
      ? []
      : [`ClusterSPIFFEID ${oldName} is replaced by ${nextName}: without an identity in between`]),
  ];
}

function toSelectorWords(old: readonly string[], next: readonly string[]): string[] {
  const gone = old.filter((selector) => !next.includes(selector));
  const come = next.filter((selector) => !old.includes(selector));
  const moves = gone.flatMap((was) => {
    const is = come.find((selector) => subjectOf(selector) === subjectOf(was));
    return is === undefined ? [] : [[was, is] as const];
  });
  const paired = new Set(moves.flat());
  return [
    ...moves.map(([was, is]) => `moves from ${was} to ${is}`),
    ...gone
      .filter((selector) => !paired.has(selector))
      .map((selector) => `wider: ${selector} is no longer wanted`),
    ...come
      .filter((selector) => !paired.has(selector))
      .map((selector) => `narrower: ${selector} is wanted, too`),
  ];
}

/** What a selector is about, of which there is one at most: a label, or one of the others. */
function subjectOf(selector: string): string {
  if (selector.startsWith(selectorPrefixes.podLabel)) return selector.slice(0, selector.lastIndexOf(':'));
  return Object.values(selectorPrefixes).find((prefix) => selector.startsWith(prefix)) ?? selector;
}
