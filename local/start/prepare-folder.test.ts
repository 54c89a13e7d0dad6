import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { prepareFolder } from './prepare-folder.ts';

async function givenFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kleym-folder-'));
  onTestFinished(async () => await rm(folder, { recursive: true }));
  return folder;
}

test('a folder is made with all that it is in, and may be there already', async () => {
  const folder = join(await givenFolder(), 'a', 'b');
  await prepareFolder(folder);
  await prepareFolder(folder);
  expect((await stat(folder)).isDirectory()).toBe(true);
});

const says = (reason: string) => `cannot write to the folder ${reason}`;

test('a folder that cannot be written to is one clear line', async () => {
  const file = join(await givenFolder(), 'file');
  await writeFile(file, '');

  await expect(prepareFolder(file)).rejects.toThrow(says(`${file}: it is a file`));
  const inFile = join(file, 'deeper');
  await expect(prepareFolder(inFile)).rejects.toThrow(says(`${inFile}: a part of its path is a file`));
  await expect(prepareFolder('/proc/x/y')).rejects.toThrow(says('/proc/x/y: it cannot be made there'));
});
