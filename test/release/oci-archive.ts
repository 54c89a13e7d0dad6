import { execFile } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';

const execute = promisify(execFile);

const Descriptor = z.object({
  digest: z.string(),
  size: z.number(),
  platform: z.object({ architecture: z.string(), os: z.string() }).optional(),
});
const Index = z.object({ manifests: z.array(Descriptor) });
const ImageManifest = z.object({ config: Descriptor, layers: z.array(Descriptor) });
const Config = z.object({
  architecture: z.string(),
  config: z.object({
    User: z.string(),
    Env: z.array(z.string()),
    Entrypoint: z.array(z.string()),
    Cmd: z.array(z.string()).optional(),
    WorkingDir: z.string(),
    Labels: z.record(z.string(), z.string()),
  }),
});

/** An image of one processor, as a runtime of containers reads it. */
export interface OciImage {
  /** The digest of its manifest. */
  readonly digest: string;
  readonly config: z.infer<typeof Config>['config'];
  /** The digests of its layers, from the base up. */
  readonly layers: readonly string[];
  /** Bytes that are pulled. */
  readonly compressedSize: number;
  /** Lays its files out in a folder. */
  readonly unpack: (folder: string) => Promise<void>;
}

async function read<T>(schema: z.ZodType<T>, file: string): Promise<T> {
  return schema.parse(JSON.parse(await readFile(file, 'utf8')));
}

/** Reads an OCI archive that holds an image for several processors; the images by processor. */
export async function readOciArchive(
  archive: string,
  scratch: string,
): Promise<ReadonlyMap<string, OciImage>> {
  await mkdir(scratch, { recursive: true });
  await execute('tar', ['-xf', archive, '-C', scratch]);
  const blobOf = (digest: string) => join(scratch, 'blobs', ...digest.split(':'));

  async function readImage({ digest }: z.infer<typeof Descriptor>): Promise<[string, OciImage]> {
    const { config, layers } = await read(ImageManifest, blobOf(digest));
    const { architecture, config: its } = await read(Config, blobOf(config.digest));
    async function unpack(folder: string): Promise<void> {
      await mkdir(folder, { recursive: true });
      for (const layer of layers) await execute('tar', ['-xzpf', blobOf(layer.digest), '-C', folder]);
    }
    const image: OciImage = {
      digest,
      config: its,
      layers: layers.map((layer) => layer.digest),
      compressedSize: layers.reduce((sum, { size }) => sum + size, 0),
      unpack,
    };
    return [architecture, image];
  }

  const [index] = (await read(Index, join(scratch, 'index.json'))).manifests;
  if (index === undefined) throw new Error(`${archive} holds no image`);
  const { manifests } = await read(Index, blobOf(index.digest));
  return new Map(await Promise.all(manifests.map(readImage)));
}
