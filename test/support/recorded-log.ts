import type { Logger } from 'pino';
import { createLog } from '../../shared/runtime/log.ts';

/** The log of a function, with the lines that it has written. */
export function recordLog(): { readonly log: Logger; readonly lines: readonly string[] } {
  const lines: string[] = [];
  const log = createLog(
    { service: 'test', level: 'info' },
    { write: (line: string) => void lines.push(line) },
  );
  return { log, lines };
}
