import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { stringify } from 'yaml';
import project from '../package.json' with { type: 'json' };
import { besideExecutable, prepareBlob, writeExecutable } from './executable.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const folder = join(root, 'dist-cli');

/** As Node calls a processor, and as Go and krew do. */
const processors = [
  { node: 'x64', go: 'amd64' },
  { node: 'arm64', go: 'arm64' },
] as const;

/**
 * Puts the bundle into Node, for Linux on each processor: an executable that needs no Node, packed with what kubectl asks
 * for completions; with their checksums and, where it is said from where they can be fetched, a manifest for krew.
 */
async function buildExecutables(url: string | undefined): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'kleym-executables-'));
  try {
    const blob = await prepareBlob(folder);
    const archives: Archive[] = [];
    for (const processor of processors) archives.push(await buildOne(scratch, blob, processor));
    const sums = await readFile(join(folder, 'checksums.txt'), 'utf8');
    const others = sums.split('\n').filter((line) => line !== '' && !line.endsWith('.tar.gz'));
    const lines = [...others, ...archives.map(({ sum, name }) => `${sum}  ${name}`)];
    await writeFile(join(folder, 'checksums.txt'), `${lines.join('\n')}\n`);
    if (url !== undefined) await writeFile(join(folder, 'kleym.krew.yaml'), stringify(toKrew(url, archives)));
  } finally {
    await rm(scratch, { recursive: true });
  }
}

interface Archive {
  readonly name: string;
  readonly sum: string;
  readonly processor: string;
}

async function buildOne(
  scratch: string,
  blob: Buffer,
  { node, go }: (typeof processors)[number],
): Promise<Archive> {
  const target = join(scratch, 'kubectl-kleym');
  await writeExecutable(await fetchNode(scratch, node), blob, target);
  for (const file of besideExecutable) await copyFile(join(folder, file), join(scratch, file));
  const name = `kubectl-kleym-linux-${go}.tar.gz`;
  await run('tar', ['-czf', join(folder, name), '-C', scratch, 'kubectl-kleym', ...besideExecutable]);
  const sum = createHash('sha256')
    .update(await readFile(join(folder, name)))
    .digest('hex');
  return { name, sum, processor: go };
}

/** The Node of this version for a processor: the one that runs this, or else from npm. */
async function fetchNode(scratch: string, processor: string): Promise<string> {
  if (process.platform === 'linux' && process.arch === processor) return process.execPath;
  const name = `node-linux-${processor}`;
  await run('npm', ['pack', `${name}@${process.versions.node}`, '--pack-destination', scratch, '--silent']);
  await run('tar', ['-xzf', join(scratch, `${name}-${process.versions.node}.tgz`), '-C', scratch]);
  return join(scratch, 'package', 'bin', 'node');
}

function toKrew(url: string, archives: readonly Archive[]): object {
  return {
    apiVersion: 'krew.googlecontainertools.github.com/v1alpha2',
    kind: 'Plugin',
    metadata: { name: 'kleym' },
    spec: {
      version: `v${project.version}`,
      homepage: url,
      shortDescription: 'Which SPIFFE identity a workload gets, and why not',
      description: project.description,
      platforms: archives.map(({ name, sum, processor }) => ({
        selector: { matchLabels: { os: 'linux', arch: processor } },
        uri: `${url}/${name}`,
        sha256: sum,
        bin: 'kubectl-kleym',
      })),
    },
  };
}

const { values } = parseArgs({ options: { url: { type: 'string' } } });
await buildExecutables(values.url);
