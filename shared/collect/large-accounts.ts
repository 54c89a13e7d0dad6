/** Service accounts that had too many bindings to be read whole. */
export interface LargeAccounts {
  has(namespace: string, account: string): boolean;
  add(namespace: string, account: string): void;
}

/** An account that has shrunk is read whole again after this time. Until then the sweep alone names its overlaps. */
const rememberedMs = 60_000;
/** More are not remembered: each has 33 bindings, but a tenant may have thousands of them. */
const mostRemembered = 1_000;

/**
 * Remembers large accounts. To find out that one is large takes a list of 33 bindings, which their author may have made
 * as large as 8 MB, and each new binding would need it again.
 */
export function createLargeAccounts(elapsed: () => number): LargeAccounts {
  const seen = new Map<string, number>();
  return {
    has: (namespace, account) => {
      const since = seen.get(toKey(namespace, account));
      return since !== undefined && elapsed() - since < rememberedMs;
    },
    add: (namespace, account) => {
      if (seen.size >= mostRemembered) seen.clear();
      seen.set(toKey(namespace, account), elapsed());
    },
  };
}

function toKey(namespace: string, account: string): string {
  return `${namespace}/${account}`;
}
