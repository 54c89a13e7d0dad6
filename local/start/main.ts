import { describeFailure } from './describe-failure.ts';
import { parseOptions } from './options.ts';
import { start } from './start.ts';

const parsed = parseOptions(process.argv.slice(2), process.env);
if (parsed.kind === 'help') process.stdout.write(parsed.text);
if (parsed.kind === 'invalid') fail(parsed.message);
if (parsed.kind === 'start') {
  try {
    endOnSignal(await start(parsed.options, process.stdout));
  } catch (error) {
    fail(describeFailure(error));
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
