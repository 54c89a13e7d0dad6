import { cp, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { required } from './installed.ts';
import { run } from './kubectl.ts';

/** What somebody has who has the files of a release and nothing else. */
export interface ReleaseFiles {
  readonly version: string;
  /** The image, once it is loaded. */
  readonly image: string;
  /** Checks every file against its sum. */
  check(): Promise<string>;
  /** Puts the image where the cluster finds it. */
  load(): Promise<void>;
  /** Unpacks the manifests and fills in a copy of the example, as docs/install.md says; returns its folder. */
  writeOverlay(scratch: string): Promise<string>;
  /** Unpacks the command; returns its path. */
  unpackCommand(scratch: string): Promise<string>;
  /** The example as one file, filled in. */
  readInstallation(): Promise<string>;
}

/** Opens a folder as `npm run release` writes it. */
export async function openReleaseFiles(folder: string, trustDomain: string): Promise<ReleaseFiles> {
  const [version] = (await readdir(folder)).flatMap((name) => /^kleym-(.*)\.oci\.tar$/.exec(name)?.[1] ?? []);
  if (version === undefined) throw new Error(`found no image in ${folder}; expected the files of a release`);
  const registry = required('KLEYM_TEST_REGISTRY');
  const image = `${registry}/kleym:${version}`;
  const fillIn = (text: string, noClass: string) =>
    text
      .replaceAll('<YOUR-TRUST-DOMAIN>', trustDomain)
      .replaceAll('<YOUR-CLASS-NAME>', noClass)
      .replaceAll('<YOUR-REGISTRY>', registry);

  async function unpack(name: string, scratch: string): Promise<string> {
    await must('tar', ['-xzf', join(folder, name), '-C', scratch]);
    return scratch;
  }

  return {
    version,
    image,
    check: () => must('sh', ['-c', 'cd "$0" && sha256sum --check --strict SHA256SUMS', folder]),
    load: async () => {
      const [command = '', ...args] = required('KLEYM_TEST_LOAD').split(' ');
      await must(command, [...args, join(folder, `kleym-${version}.oci.tar`), image]);
    },
    writeOverlay: async (scratch) => {
      await unpack(`kleym-${version}-kustomize.tar.gz`, scratch);
      const overlays = join(scratch, `kleym-${version}`, 'overlays');
      const production = join(overlays, 'production');
      await cp(join(overlays, 'example'), production, { recursive: true });
      for (const file of ['config.env', 'kustomization.yaml']) {
        const path = join(production, file);
        await writeFile(path, fillIn(await readFile(path, 'utf8'), ''));
      }
      return production;
    },
    unpackCommand: async (scratch) => {
      await unpack(`kubectl-kleym-${version}.tar.gz`, scratch);
      return join(scratch, `kubectl-kleym-${version}`, 'kubectl-kleym');
    },
    // In YAML nothing would be no text.
    readInstallation: async () => fillIn(await readFile(join(folder, 'install.yaml'), 'utf8'), '""'),
  };
}

async function must(command: string, args: readonly string[]): Promise<string> {
  const { code, out, err } = await run(command, args);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${err}${out}`);
  return out;
}
