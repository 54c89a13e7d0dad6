// Loaded into a process that is measured, by `node --import`: once a second it writes down how long the event loop was
// held up at most, as milliseconds of the clock and of the delay.
import { appendFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const file = process.env['KLEYM_BENCH_LOOP_FILE'];
if (file !== undefined) {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  const write = () => {
    appendFileSync(file, `${Date.now()} ${(delay.max / 1e6).toFixed(0)}\n`);
    delay.reset();
  };
  setInterval(write, 1000).unref();
  process.once('exit', write);
}
