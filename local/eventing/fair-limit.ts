import { type Limit, createLimit } from '../../shared/concurrency/limit.ts';

/** Begins work of an owner in its turn: at most so many pieces at once, and at most so many of one owner. */
export type FairLimit = (owner: string, work: () => Promise<unknown>) => void;

interface Share {
  readonly limit: Limit;
  /** Pieces that wait or are under way. */
  pieces: number;
}

/** A limit under which an owner with thousands of pieces does not keep out those who have one. */
export function createFairLimit({ all, each }: { readonly all: number; readonly each: number }): FairLimit {
  const limit = createLimit(all);
  const shares = new Map<string, Share>();
  return (owner, work) => {
    const share = shares.get(owner) ?? { limit: createLimit(each), pieces: 0 };
    shares.set(owner, share);
    share.pieces++;
    share.limit.begin(async () => {
      try {
        await limit(work);
      } finally {
        share.pieces--;
        if (share.pieces === 0) shares.delete(owner);
      }
    });
  };
}
