import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Entry } from './store.ts';

/** The log of one cluster: what it said at the start, and where to write on. */
export interface Journal {
  readonly entries: readonly Entry[];
  record(entry: Entry): void;
  /** Starts the log anew with only what is true now; the next `record` continues it. */
  rewrite(entries: readonly Entry[], revision: number): void;
  /** How many lines were written since the log was last started anew. */
  length(): number;
  close(): void;
}

/**
 * Keeps a cluster in a folder as a log of writes, one JSON line each. A line reaches the kernel before the
 * request is answered, so a killed process loses nothing that was answered; only a power failure could.
 */
export function openJournal(folder: string): Journal {
  mkdirSync(folder, { recursive: true });
  const lock = takeLock(folder);
  const file = join(folder, 'cluster.jsonl');
  const entries = readEntries(file);
  let length = 0;
  let descriptor = -1;
  let isClosed = false;

  function rewrite(current: readonly Entry[], revision: number): void {
    if (isClosed) return;
    const fresh = `${file}.new`;
    // The first line keeps the revision, which the last write may have taken away with the object it deleted.
    const lines = [{ revision, storage: '', key: '' }, ...current].map(toLine);
    writeFileSync(fresh, lines.join(''));
    if (descriptor >= 0) closeSync(descriptor);
    renameSync(fresh, file);
    descriptor = openSync(file, 'a');
    length = 0;
  }

  return {
    entries,
    rewrite,
    record(entry) {
      if (isClosed) return;
      writeSync(descriptor, toLine(entry));
      length += 1;
    },
    length: () => length,
    close() {
      if (isClosed) return;
      if (descriptor >= 0) closeSync(descriptor);
      isClosed = true;
      rmSync(lock, { force: true });
    },
  };
}

/** Two processes that write one log would each undo the other; the lock of a killed one does not count. */
function takeLock(folder: string): string {
  const lock = join(folder, 'lock');
  const owner = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : 0;
  if (owner > 0 && owner !== process.pid && isRunning(owner)) {
    throw new Error(`${folder} is in use by process ${owner}: end it, or choose another folder`);
  }
  writeFileSync(lock, String(process.pid));
  return lock;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Only the last line may be torn: the process was killed while writing it, and nobody was told it was done. */
function readEntries(file: string): Entry[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  const complete = lines.slice(0, -1).map(parseEntry);
  const broken = complete.indexOf(undefined);
  if (broken >= 0) {
    throw new Error(
      `${file} is damaged in line ${broken + 1}: repair that line, or remove the file to start empty`,
    );
  }
  const last = parseEntry(lines.at(-1) ?? '');
  return [...complete, last].filter((entry) => entry !== undefined);
}

function parseEntry(line: string): Entry | undefined {
  try {
    return JSON.parse(line) as Entry;
  } catch {
    return undefined;
  }
}

function toLine(entry: Entry): string {
  return `${JSON.stringify(entry)}\n`;
}
