/** Cuts a text that is longer than this, but never within a character. */
export function shorten(text: string, length: number): string {
  if (text.length <= length) return text;
  const isHalved = /[\uD800-\uDBFF]/.test(text.charAt(length - 1));
  return `${text.slice(0, isHalved ? length - 1 : length)}…`;
}
