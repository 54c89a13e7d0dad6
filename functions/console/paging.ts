/** A part of a list that is shown at once. */
export interface Page<T> {
  readonly items: readonly T[];
  /** From 1. */
  readonly number: number;
  readonly pages: number;
  readonly total: number;
}

/** The page with this number, or the last one. */
export function toPage<T>(list: readonly T[], size: number, wanted: string | undefined): Page<T> {
  const pages = Math.max(1, Math.ceil(list.length / size));
  const number = Math.min(pages, toNumber(wanted));
  const items = list.slice((number - 1) * size, number * size);
  return { items, number, pages, total: list.length };
}

function toNumber(wanted: string | undefined): number {
  return wanted !== undefined && /^[1-9]\d{0,6}$/.test(wanted) ? Number(wanted) : 1;
}
