import { runProgram } from './run-program.ts';

/** Whoever packs it and whenever: the same files make the same bytes. */
const reproducible = [
  '--sort=name',
  '--mtime=@0',
  '--owner=0',
  '--group=0',
  '--numeric-owner',
  '--format=ustar',
  '--mode=u=rwX,go=rX',
];

/** Packs what a folder has, or one thing in it. What is called .gz is compressed, without a time. */
export async function writeArchive(archive: string, folder: string, member = '.'): Promise<void> {
  const compression = archive.endsWith('.gz') ? ['--use-compress-program=gzip -n'] : [];
  await runProgram('tar', [...reproducible, ...compression, '-C', folder, '-cf', archive, member]);
}
