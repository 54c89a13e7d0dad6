import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';

/** A function that runs as its container runs it. */
export interface FunctionProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<{
    readonly code: unknown;
    readonly errors: string;
    readonly lines: readonly string[];
  }>;
  /** Waits for the log line with this message. */
  readonly said: (message: string) => Promise<Record<string, unknown>>;
}

/** Starts a `main.ts` with this environment and no other. It does not outlive the test. */
export function startFunction(main: string, environment: Record<string, string> = {}): FunctionProcess {
  return startCommand([process.execPath, main], environment);
}

/** Starts a function by a command, which must become the function's own process. It does not outlive the test. */
export function startCommand(
  [program = '', ...args]: readonly string[],
  environment: Record<string, string>,
): FunctionProcess {
  const child = spawn(program, args, {
    env: { HOST: '127.0.0.1', PORT: '0', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  const log = createInterface({ input: child.stdout });
  log.on('line', (line) => lines.push(line));
  let errors = '';
  child.stderr.setEncoding('utf8');
  child.stderr.on('data', (chunk: string) => (errors += chunk));
  const ended = once(child, 'close').then(([code]: unknown[]) => ({ code, errors, lines }));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });

  const said = async (message: string): Promise<Record<string, unknown>> => {
    for (;;) {
      const found = lines.map(toRecord).find(({ msg }) => msg === message);
      if (found) return found;
      await Promise.race([
        once(log, 'line'),
        ended.then(() => Promise.reject(new Error(`ended without saying "${message}": ${errors}`))),
      ]);
    }
  };
  return { child, ended, said };
}

/** Starts a `main.ts` and waits until its port is open. */
export async function startListening(
  main: string,
  environment: Record<string, string> = {},
): Promise<FunctionProcess & { readonly port: number }> {
  return await untilListening(startFunction(main, environment));
}

/** Waits until a function's port is open. */
export async function untilListening(
  started: FunctionProcess,
): Promise<FunctionProcess & { readonly port: number }> {
  const { port } = await started.said('listening');
  return { ...started, port: Number(port) };
}

function toRecord(line: string): Record<string, unknown> {
  return JSON.parse(line) as Record<string, unknown>;
}
