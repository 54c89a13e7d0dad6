import { type Paint, colored, plain } from './paint.ts';

/** Where text is read. */
export interface Terminal {
  /** How many columns a line may have; undefined: nobody counts them. */
  readonly width: number | undefined;
  readonly paint: Paint;
}

/** What is known of an output stream: colours only where a person sees them, and wants them. */
export function describeTerminal(
  stream: { readonly isTTY?: boolean; readonly columns?: number },
  environment: NodeJS.ProcessEnv,
): Terminal {
  if (!stream.isTTY) return { width: undefined, paint: plain };
  const isPlain = Boolean(environment['NO_COLOR']) || environment['TERM'] === 'dumb';
  return { width: stream.columns, paint: isPlain ? plain : colored };
}
