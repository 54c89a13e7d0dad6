import { createInterface } from 'node:readline/promises';
import { describeFailure } from './describe-failure.ts';
import { parseOptions } from './options.ts';
import { type Running, start } from './start.ts';

const parsed = parseOptions(process.argv.slice(2), process.env);
if (parsed.kind === 'help') process.stdout.write(parsed.text);
if (parsed.kind === 'invalid') fail(parsed.message);
if (parsed.kind === 'start') {
  try {
    const running = await start(parsed.options, process.stdout, process.stdin.isTTY ? confirm : undefined);
    if (running) keepUntilEnd(running);
  } catch (error) {
    fail(describeFailure(error));
  }
}

/** Asks on stderr, which is the terminal also where stdout is a file. No is the answer of who says nothing. */
async function confirm(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test(await terminal.question(`${question} [y/N] `));
  } catch {
    return false;
  } finally {
    terminal.close();
  }
}

function fail(message: string): never {
  process.stderr.write(`kleym: ${message.replaceAll(/\s+/g, ' ')}\n`);
  process.exit(1);
}

/** Ends on a signal, and where another installation works: two that overwrite each other serve nobody. */
function keepUntilEnd({ stop, overwritten }: Running): void {
  let ending = false;
  async function end(exitCode: number): Promise<void> {
    ending = true;
    await stop();
    process.exit(exitCode);
  }
  function endOnSignal(): void {
    if (ending) process.exit(1);
    void end(0);
  }
  process.on('SIGINT', endOnSignal);
  process.on('SIGTERM', endOnSignal);
  void overwritten.then((rival) => {
    if (ending) return undefined;
    process.stderr.write(
      `kleym: ${rival}. Two that overwrite each other take the workloads their identities each time, so this one stops. To work here, end the other one first\n`,
    );
    return end(1);
  });
}
