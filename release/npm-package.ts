import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from './run-program.ts';

/** A package of npm, pinned by its content. */
export interface Pinned {
  /** With its version. */
  readonly name: string;
  readonly integrity: string;
}

/** Unpacks a package of npm, or some of its files, into a folder. None of its scripts runs. */
export async function unpackNpmPackage(
  { name, integrity }: Pinned,
  folder: string,
  files: readonly string[] = [],
): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'kleym-npm-'));
  try {
    const args = [
      'pack',
      name,
      '--json',
      '--ignore-scripts',
      '--prefer-offline',
      '--pack-destination',
      scratch,
    ];
    const printed = JSON.parse(await runProgram('npm', args, { cwd: scratch })) as unknown;
    // A list up to npm 11, a record by name after it.
    const [packed] = Object.values(printed as Record<string, { filename: string; integrity: string }>);
    if (packed?.integrity !== integrity)
      throw new Error(`npm has ${name} with the integrity ${packed?.integrity}; expected ${integrity}`);
    await mkdir(folder, { recursive: true });
    await runProgram('tar', [
      '-xzf',
      join(scratch, packed.filename),
      '-C',
      folder,
      '--strip-components=1',
      '--no-same-owner',
      ...files.map((file) => `package/${file}`),
    ]);
  } finally {
    await rm(scratch, { recursive: true });
  }
}
