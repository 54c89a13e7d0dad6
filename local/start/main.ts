import { createInterface } from 'node:readline/promises';
import { describeFailure } from './describe-failure.ts';
import { parseOptions } from './options.ts';
import { start } from './start.ts';

const parsed = parseOptions(process.argv.slice(2), process.env);
if (parsed.kind === 'help') process.stdout.write(parsed.text);
if (parsed.kind === 'invalid') fail(parsed.message);
if (parsed.kind === 'start') {
  try {
    const running = await start(parsed.options, process.stdout, process.stdin.isTTY ? confirm : undefined);
    if (running) endOnSignal(running);
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

function endOnSignal({ stop }: { readonly stop: () => Promise<void> }): void {
  let ending = false;
  async function end(): Promise<void> {
    if (ending) process.exit(1);
    ending = true;
    await stop();
    process.exit(0);
  }
  process.on('SIGINT', () => void end());
  process.on('SIGTERM', () => void end());
}
