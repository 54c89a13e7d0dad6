import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProductOptions } from './product.ts';

/** How a process is kept from taking more memory than its container would have. */
export interface MemoryLimit {
  readonly title: string;
  readonly options: Pick<ProductOptions, 'launcher' | 'nodeArgs'>;
  /** Whether the kernel has killed the process for its memory. */
  wasExceeded(): boolean;
  remove(): void;
}

/** A cgroup where we may make one; else only the heap is limited, and its own buffers are not. */
export function limitMemory(megabytes: number): MemoryLimit {
  const bytes = String(megabytes * 1024 * 1024);
  const root = '/sys/fs/cgroup';
  const name = `kleym-bench-${process.pid}`;
  const [first, second] = [join(root, 'memory', name), join(root, name)];
  try {
    if (existsSync(join(root, 'memory', 'memory.limit_in_bytes'))) {
      mkdirSync(first);
      writeFileSync(join(first, 'memory.limit_in_bytes'), bytes);
      return toLimit(first, `a cgroup (v1) of ${megabytes} MiB`, 'memory.oom_control');
    }
    mkdirSync(second);
    writeFileSync(join(second, 'memory.max'), bytes);
    return toLimit(second, `a cgroup (v2) of ${megabytes} MiB`, 'memory.events');
  } catch {
    const nodeArgs = [`--max-old-space-size=${megabytes}`];
    return {
      title: `--max-old-space-size=${megabytes}, because no cgroup can be made here`,
      options: { nodeArgs },
      wasExceeded: () => false,
      remove: () => {},
    };
  }
}

function toLimit(folder: string, title: string, events: string): MemoryLimit {
  const join = `echo $$ > ${folder}/cgroup.procs && exec "$0" "$@"`;
  return {
    title,
    options: { launcher: ['sh', '-c', join] },
    wasExceeded: () => /^oom_kill [1-9]/m.test(readFileSync(`${folder}/${events}`, 'utf8')),
    remove: () => rmdirSync(folder),
  };
}
