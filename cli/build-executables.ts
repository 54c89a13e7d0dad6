import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { inject } from 'postject';
import { stringify } from 'yaml';
import project from '../package.json' with { type: 'json' };

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const folder = join(root, 'dist-cli');

/** By this text a Node finds out that something was put into it (nodejs.org/api/single-executable-applications). */
const sentinelFuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

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
    const blob = await prepareBlob(scratch);
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

/** Without code cache or snapshot it is the same for every processor. */
async function prepareBlob(scratch: string): Promise<Buffer> {
  const output = join(scratch, 'kubectl-kleym.blob');
  const config = join(scratch, 'sea.json');
  const main = join(folder, 'kubectl-kleym');
  const settings = { main, output, disableExperimentalSEAWarning: true };
  await writeFile(config, JSON.stringify(settings));
  await run(process.execPath, ['--experimental-sea-config', config]);
  return await readFile(output);
}

async function buildOne(
  scratch: string,
  blob: Buffer,
  { node, go }: (typeof processors)[number],
): Promise<Archive> {
  const target = join(scratch, 'kubectl-kleym');
  await copyFile(await fetchNode(scratch, node), target);
  await chmod(target, 0o755);
  await inject(target, 'NODE_SEA_BLOB', blob, { sentinelFuse });
  await copyFile(join(folder, 'kubectl_complete-kleym'), join(scratch, 'kubectl_complete-kleym'));
  await copyFile(join(folder, 'LICENSE'), join(scratch, 'LICENSE'));
  const name = `kubectl-kleym-linux-${go}.tar.gz`;
  const files = ['kubectl-kleym', 'kubectl_complete-kleym', 'LICENSE'];
  await run('tar', ['-czf', join(folder, name), '-C', scratch, ...files]);
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
