import type { DestinationStream } from 'pino';

// As long as a person takes to notice.
const waitMs = 100;

/** Where lines of a log leave together, because each write costs a call of the system, and a bulk logs thousands of lines. */
export function createLineBuffer(out: DestinationStream): DestinationStream {
  let lines: string[] = [];
  function flush(): void {
    if (lines.length > 0) out.write(lines.join(''));
    lines = [];
  }
  process.once('exit', flush);
  return {
    write: (line) => {
      if (lines.length === 0) setTimeout(flush, waitMs);
      lines.push(line);
    },
  };
}
