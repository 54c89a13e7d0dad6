import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import project from '../package.json' with { type: 'json' };
import { writeArchive } from './archive.ts';
import { type BasePart, type Processor, hostProcessor, openBases, platforms } from './bases.ts';
import { type Buildah, openBuildah } from './buildah.ts';
import { runProgram } from './run-program.ts';

const root = join(import.meta.dirname, '..');

const baseChoices = ['documented', 'made', 'auto'] as const;

/**
 * Which images the Dockerfile begins with: those that it names, those that are made here of what npm and Debian publish,
 * or the latter only where no registry answers.
 */
export type BaseChoice = (typeof baseChoices)[number];

/** What `buildImage` is asked for. */
export interface ImageOptions {
  readonly archive: string;
  readonly version: string;
  readonly bases: BaseChoice;
  readonly processors: readonly Processor[];
  readonly say: (line: string) => void;
}

/** An image for several processors, in one OCI archive. */
export interface BuiltImage {
  readonly bases: Exclude<BaseChoice, 'auto'>;
  /** What each processor's base consists of: nothing is known of those that come from a registry. */
  readonly parts: ReadonlyMap<Processor, readonly BasePart[]>;
}

/** Where an image of a processor begins. */
interface Beginning {
  readonly buildImage: string;
  readonly runImage: string;
  readonly parts: readonly BasePart[];
}

/** Builds the Dockerfile for each processor, and writes one archive. The same sources and bases make the same bytes. */
export async function buildImage({
  archive,
  version,
  bases,
  processors,
  say,
}: ImageOptions): Promise<BuiltImage> {
  const scratch = await mkdtemp(join(tmpdir(), 'kleym-image-'));
  const buildah = await openBuildah();
  try {
    const { choice, begin } = await chooseBases(bases, buildah, scratch, say);
    const name = `kleym:${version}`;
    const parts = new Map<Processor, readonly BasePart[]>();
    await buildah.run('manifest', 'create', name);
    let first: string | undefined;
    for (const processor of processors) {
      const beginning = await begin(processor);
      parts.set(processor, beginning.parts);
      const image = await buildOne(buildah, `localhost/kleym:${processor}`, version, beginning, first);
      first ??= image;
      await buildah.run('manifest', 'add', name, image);
      say(`linux/${processor}: built on ${choice} bases`);
    }
    const layout = join(scratch, 'layout');
    await buildah.run(
      'manifest',
      'push',
      '--quiet',
      '--all',
      '--format',
      'oci',
      name,
      `oci:${layout}:${version}`,
    );
    await writeArchive(archive, layout);
    return { bases: choice, parts };
  } finally {
    await buildah.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

interface ChosenBases {
  readonly choice: Exclude<BaseChoice, 'auto'>;
  readonly begin: (processor: Processor) => Promise<Beginning>;
}

async function chooseBases(
  wanted: BaseChoice,
  buildah: Buildah,
  scratch: string,
  say: (line: string) => void,
): Promise<ChosenBases> {
  if (wanted !== 'made') {
    try {
      return await pullBases(buildah);
    } catch (error) {
      if (wanted === 'documented') throw error;
      say(
        `no registry has the documented bases (${String(error).split('Error: ').at(-1)}): made ones stand in for them`,
      );
    }
  }
  const made = await openBases(buildah, scratch);
  const buildBase = await made.makeBuildBase();
  const begin = async (processor: Processor): Promise<Beginning> => {
    const { image, parts } = await made.makeRunBase(processor);
    return { buildImage: buildBase, runImage: image, parts };
  };
  return { choice: 'made', begin };
}

async function pullBases(buildah: Buildah): Promise<ChosenBases> {
  const dockerfile = await readFile(join(root, 'Dockerfile'), 'utf8');
  const [buildBase = '', runBase = ''] = [...dockerfile.matchAll(/^ARG \w+_IMAGE=(.*)$/gm)].map(
    ([, name]) => name,
  );
  const pull = async (image: string, processor: Processor) =>
    (await buildah.run('pull', '--quiet', '--platform', `linux/${processor}`, image)).trim();
  const buildImage = await pull(buildBase, hostProcessor());
  const begin = async (processor: Processor): Promise<Beginning> => {
    return { buildImage, runImage: await pull(runBase, processor), parts: [] };
  };
  return { choice: 'documented', begin };
}

// Without --platform: buildah 1.28 finds no image of the machine's own processor under it. The result is for the
// processor of the image that it runs on, and nothing runs in the stage that is not of this machine.
async function buildOne(
  buildah: Buildah,
  image: string,
  version: string,
  { buildImage, runImage }: Beginning,
  bundlesFrom: string | undefined,
): Promise<string> {
  const labels = {
    title: 'kleym',
    description: project.description,
    licenses: project.license,
    version,
  };
  // Packages that were fetched before need not be fetched again.
  const cache = (await runProgram('npm', ['config', 'get', 'cache'])).trim();
  const options = [
    ['--build-arg', `BUILD_IMAGE=${buildImage}`],
    ['--build-arg', `RUN_IMAGE=${runImage}`],
    ...Object.entries(labels).map(([key, value]) => ['--label', `org.opencontainers.image.${key}=${value}`]),
    // Where the Dockerfile has npm keep them.
    ['--volume', `${cache}:/var/cache/npm`],
    // Another processor's image has the same bundles, at the same place as the stage that builds them.
    bundlesFrom === undefined ? [] : ['--build-context', `build=container-image://${bundlesFrom}`],
    ['--timestamp', '0'],
  ];
  await buildah.run('build', ...options.flat(), '--tag', image, root);
  return image;
}

/** What the command line says of an image, and what else it says. */
export function readImageOptions(): Omit<ImageOptions, 'archive' | 'version'> & {
  readonly positionals: readonly string[];
} {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      bases: { type: 'string', default: 'auto' },
      processor: { type: 'string', multiple: true, default: Object.keys(platforms) },
    },
  });
  return {
    bases: toOneOf(values.bases, baseChoices),
    processors: values.processor.map((name) => toOneOf(name, Object.keys(platforms) as Processor[])),
    say: (line) => void process.stdout.write(`${line}\n`),
    positionals,
  };
}

function toOneOf<T extends string>(text: string, texts: readonly T[]): T {
  const found = texts.find((one) => one === text);
  if (found === undefined) throw new Error(`found "${text}"; expected one of ${texts.join(', ')}`);
  return found;
}

if (import.meta.main) {
  const { positionals: _, ...options } = readImageOptions();
  const { version } = project;
  const archive = join(root, 'dist', `kleym-${version}.oci.tar`);
  await buildImage({ ...options, version, archive });
  options.say(archive);
}
