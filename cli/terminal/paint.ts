import { styleText } from 'node:util';

export type Color = 'green' | 'yellow' | 'red' | 'bold' | 'dim';

/** Puts a text in a colour, or leaves it. */
export type Paint = (color: Color, text: string) => string;

/** No colours: what is read by a program, or where somebody asked for none. */
export function plain(_color: Color, text: string): string {
  return text;
}

/** Colours for a terminal. */
export function colored(color: Color, text: string): string {
  return styleText(color, text, { validateStream: false });
}
