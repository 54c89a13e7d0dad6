/** How many items of a sorted list do not come after a place. */
export function findPlace<T>(sorted: readonly T[], comesAfter: (item: T) => boolean): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const item = sorted[middle];
    if (item !== undefined && comesAfter(item)) high = middle;
    else low = middle + 1;
  }
  return low;
}
