/** Says on stderr that something takes its time. */
export interface Progress {
  /** One more request was answered. */
  readonly step: () => void;
  readonly end: () => void;
}

const quietMs = 1000;
const rhythmMs = 500;
const clearLine = '\r\u001B[K';

/** Silent for a second; then a line that is written over on a terminal, and written once elsewhere. */
export function startProgress(out: Pick<NodeJS.WriteStream, 'write' | 'isTTY'>): Progress {
  let steps = 0;
  let rhythm: NodeJS.Timeout | undefined;
  const show = () => {
    const words = `asking the API server: ${steps} requests answered`;
    out.write(out.isTTY ? `${clearLine}${words}` : `${words} …\n`);
  };
  const quiet = setTimeout(() => {
    show();
    if (out.isTTY) rhythm = setInterval(show, rhythmMs).unref();
  }, quietMs).unref();
  return {
    step: () => void steps++,
    end: () => {
      clearTimeout(quiet);
      clearInterval(rhythm);
      if (rhythm) out.write(clearLine);
    },
  };
}
