/** A text of somebody else's, cut to so many characters where it is longer; no character is cut in two. */
export function shorten(text: string, length: number): string {
  if (text.length <= length) return text;
  const isHalved = /[\uD800-\uDBFF]/.test(text.charAt(length - 1));
  return `${text.slice(0, isHalved ? length - 1 : length)}…`;
}
