/** Whole numbers from 0. */
export function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Runs work for each item, so many at once. */
export async function forEach<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const left = items.values();
  async function runInSlices(): Promise<void> {
    for (const item of left) await work(item);
  }
  await Promise.all(range(atOnce).map(runInSlices));
}

/** The milliseconds that some work takes. */
export async function time(work: () => Promise<unknown>): Promise<number> {
  const since = performance.now();
  await work();
  return performance.now() - since;
}

/** The value below which so much (0 to 1) of them lies; NaN of none. */
export function quantile(numbers: readonly number[], part: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}

/** Numbers of a comma-separated option. */
export function parseNumbers(text: string): number[] {
  return text
    .split(',')
    .filter(Boolean)
    .map((part) => {
      const number = Number(part);
      if (Number.isInteger(number) && number >= 0) return number;
      throw new Error(`"${part}" of "${text}" is not a whole number`);
    });
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function toMs(ms: number): string {
  return `${ms.toFixed(ms < 100 ? 1 : 0)} ms`;
}

export function toRatio(ours: number, floor: number): string {
  return `${(ours / floor).toFixed(2)} x`;
}
