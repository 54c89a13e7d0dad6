import type { ChildProcess } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** The port of a function, when it is open. */
export async function untilListening(child: ChildProcess): Promise<number> {
  if (!child.stdout) throw new Error('the function has no output');
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line) as { readonly msg: string; readonly port: number };
    if (said.msg === 'listening') {
      child.stdout.resume();
      return said.port;
    }
  }
  throw new Error('the function ended before it listened');
}

/** Milliseconds of the processor. Steadier than the clock on a machine that is busy; only Linux tells. */
export async function readCpu(pid: number): Promise<number> {
  const folder = `/proc/${pid}/task`;
  const threads = await readdir(folder).catch(() => []);
  const texts = await Promise.all(
    threads.map((thread) => readFile(join(folder, thread, 'schedstat'), 'utf8').catch(() => '0')),
  );
  return texts.reduce((sum, text) => sum + Number.parseInt(text, 10), 0) / 1e6;
}

/** What a process has in memory, and had at most, in megabytes; only Linux tells. */
export async function readMemory(pid: number): Promise<{ readonly now: number; readonly most: number }> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const toMegabytes = (field: string) =>
    Math.round(Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0) / 1000);
  return { now: toMegabytes('VmRSS'), most: toMegabytes('VmHWM') };
}
