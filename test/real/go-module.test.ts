import { expect, test } from 'vitest';
import { downloadGoModule } from './go-module.ts';
import { servingModule } from './knative-modules.ts';

test('a module whose content is not what we pinned is not used', async () => {
  const other = { ...servingModule, checksum: 'h1:other' };
  await expect(downloadGoModule(other, process.env)).rejects.toThrow(
    `knative.dev/serving@v0.50.0 has the checksum ${servingModule.checksum}, expected h1:other`,
  );
});

test('without Go the error says what to install', async () => {
  await expect(downloadGoModule(servingModule, { PATH: '/nowhere' })).rejects.toThrow(
    /^knative\.dev\/serving@v0\.50\.0 could not be downloaded; .*install Go/,
  );
});
