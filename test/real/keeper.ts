import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

/*
 * Outlives the process that started it by a moment: kills what it was told of and removes their folder. It learns
 * of the end by its standard input, which the operating system closes however that process ended.
 * A line is `+PID` or `-PID`; the argument is the folder.
 */
const [folder] = process.argv.slice(2);
const pids = new Set<number>();

for await (const line of createInterface({ input: process.stdin })) {
  const pid = Number(line.slice(1));
  if (line.startsWith('+')) pids.add(pid);
  else pids.delete(pid);
}
for (const pid of pids) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
// What is being killed may still write a file while its folder is removed.
if (folder) rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
