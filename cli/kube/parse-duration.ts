const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A time as kubectl takes it (`10s`, `1m30s`, or whole seconds), in milliseconds; undefined: it is none. */
export function parseDuration(text: string): number | undefined {
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  if (!/^(\d{1,9}(\.\d+)?(ms|s|m|h))+$/.test(text)) return undefined;
  return [...text.matchAll(/([\d.]+)(ms|s|m|h)/g)].reduce(
    (sum, [, number = '', unit = '']) => sum + Number(number) * (units[unit] ?? 0),
    0,
  );
}
