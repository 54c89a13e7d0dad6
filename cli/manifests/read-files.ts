import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { SetupError } from '../tools.ts';
import type { Source } from './parse-manifests.ts';

/** Reads files, the manifests in folders, and for `-` what is piped in. */
export async function readFiles(
  paths: readonly string[],
  isRecursive: boolean,
  stdin: NodeJS.ReadableStream,
): Promise<readonly Source[]> {
  const sources = await Promise.all(
    paths.map(async (path) => {
      if (path === '-') return [{ file: '<stdin>', text: await text(stdin) }];
      const files = await listFiles(path, isRecursive);
      return await Promise.all(files.map(async (file) => ({ file, text: await read(file) })));
    }),
  );
  return sources.flat();
}

async function listFiles(path: string, isRecursive: boolean): Promise<readonly string[]> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new SetupError(`${path} cannot be read: ${toReason(cause)}`, { cause });
  });
  if (!found.isDirectory()) return [path];
  const names = await readdir(path, { recursive: isRecursive });
  const files = names.filter((name) => /\.(ya?ml|json)$/.test(name)).toSorted();
  if (files.length === 0)
    throw new SetupError(
      `${path} has no .yaml, .yml or .json file${isRecursive ? '' : '; -R looks into the folders in it'}`,
    );
  return files.map((name) => join(path, name));
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new SetupError(`${file} cannot be read: ${toReason(cause)}`, { cause });
  }
}

function toReason(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return 'code' in cause && cause.code === 'ENOENT' ? 'there is no such file or folder' : cause.message;
}
