import type { FlagValues } from '../command-line/flags.ts';
import { SetupError, type Tools } from '../tools.ts';
import { createJudge } from './create-judge.ts';
import { readDefinitions } from './definitions.ts';
import { type JudgedManifests, judgeManifests } from './judge-manifests.ts';
import { parseManifests } from './parse-manifests.ts';
import { readFiles } from './read-files.ts';

/** Reads and judges the manifests that a command was given. */
export async function readManifests(
  { filename = [], recursive = false }: Pick<FlagValues, 'filename' | 'recursive'>,
  { stdin }: Pick<Tools, 'stdin'>,
  defaultNamespace: string,
): Promise<JudgedManifests> {
  if (filename.length === 0) throw new SetupError('-f is missing: name a file, a folder, or - for stdin');
  const [sources, definitions] = await Promise.all([
    readFiles(filename, recursive, stdin),
    readDefinitions(),
  ]);
  return judgeManifests(parseManifests(sources), createJudge(definitions), defaultNamespace);
}
