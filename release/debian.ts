import { mkdir, mkdtemp, readFile, readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from './run-program.ts';

/** A package of Debian, as a file. */
export interface DebianPackage {
  readonly file: string;
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly depends: string;
  /** What dpkg would note of it. */
  readonly control: string;
  /** Its licences. */
  readonly copyright: string;
}

/** Debian's packages, for processors that this machine need not have. */
export interface Debian {
  download(architecture: string, names: readonly string[]): Promise<readonly DebianPackage[]>;
}

/** Reads the lists of the sources that this machine has, into a folder of its own: nothing of the machine changes. */
export async function openDebian(architectures: readonly string[], scratch: string): Promise<Debian> {
  const state = await mkdtemp(join(scratch, 'apt-'));
  await mkdir(join(state, 'lists', 'partial'), { recursive: true });
  const settings = [
    `Dir::State::Lists=${join(state, 'lists')}`,
    `Dir::Cache=${join(state, 'cache')}`,
    // Nothing is installed: apt need not know what is.
    'Dir::State::status=/dev/null',
    `APT::Architecture=${architectures[0]}`,
    ...architectures.map((name) => `APT::Architectures::=${name}`),
    'APT::Sandbox::User=root',
    'Acquire::Retries=3',
    'Acquire::Languages=none',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false',
  ];
  const options = ['-q', ...settings.flatMap((setting) => ['-o', setting])];
  await runProgram('apt-get', [...options, 'update']);

  async function fetch(architecture: string, names: readonly string[]): Promise<string[]> {
    const folder = await mkdtemp(join(state, 'packages-'));
    // Of the processor that is asked for, or for all of them.
    const native = ['-o', `APT::Architecture=${architecture}`];
    await runProgram('apt-get', [...options, ...native, 'download', ...names], { cwd: folder });
    return (await readdir(folder)).toSorted().map((file) => join(folder, file));
  }

  async function download(architecture: string, names: readonly string[]): Promise<DebianPackage[]> {
    const described = await Promise.all((await fetch(architecture, names)).map(describe));
    // The licences of a library of GCC are in another package, to which its documentation is a link.
    const holders = new Set(described.flatMap(({ depends }) => /\bgcc-\d+-base\b/.exec(depends) ?? []));
    const others = holders.size === 0 ? [] : await fetch(architecture, [...holders]);
    const unpacked = await mkdtemp(join(state, 'unpacked-'));
    for (const file of [...others, ...described.map(({ file }) => file)])
      await runProgram('dpkg-deb', ['-x', file, unpacked]);
    return await Promise.all(
      described.map(async (one) => {
        const copyright = await readFile(join(unpacked, 'usr/share/doc', one.name, 'copyright'), 'utf8');
        return { ...one, copyright };
      }),
    );
  }

  return { download };
}

async function describe(file: string) {
  const read = async (...fields: readonly string[]) =>
    (await runProgram('dpkg-deb', ['-f', file, ...fields])).trim();
  return {
    file,
    name: await read('Package'),
    version: await read('Version'),
    architecture: await read('Architecture'),
    depends: await read('Depends'),
    control: `${await read()}\n`,
  };
}

/** The certificates of the package ca-certificates, in one file. */
export async function readAuthorities(unpacked: string): Promise<string> {
  const folder = await realpath(join(unpacked, 'usr/share/ca-certificates/mozilla'));
  const files = (await readdir(folder)).toSorted();
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  return texts.join('');
}
