import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Plugin, type RolldownOutput, rolldown } from 'rolldown';
import { bundling, renderTerms } from '../build.ts';
import project from '../package.json' with { type: 'json' };
import { readDefinitions } from './manifests/definitions.ts';

const root = join(import.meta.dirname, '..');
const completion =
  '#!/bin/sh\n# kubectl asks this for completions of `kubectl kleym`.\nexec kubectl-kleym __complete "$@"\n';

/**
 * Bundles the command into one file that runs with any Node from 22 on, and lays the rest of a package beside it: what
 * kubectl asks for completions, what npx needs, and checksums.
 */
export async function buildCommand(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const output = await bundle();
  const files = {
    'kubectl-kleym': toProgram(output),
    'kubectl_complete-kleym': completion,
    'package.json': `${JSON.stringify(toPackage(), null, 2)}\n`,
    LICENSE: await readFile(join(root, 'LICENSE'), 'utf8'),
    THIRD_PARTY_NOTICES: await renderTerms(commandContains, [output]),
    'README.md': await readFile(join(root, 'docs', 'cli.md'), 'utf8'),
  };
  const sums = Object.entries(files).map(([name, text]) => `${toSum(text)}  ${name}\n`);
  for (const [name, text] of Object.entries({ ...files, 'checksums.txt': sums.join('') }))
    await writeFile(join(folder, name), text);
  for (const name of ['kubectl-kleym', 'kubectl_complete-kleym']) await chmod(join(folder, name), 0o755);
}

/** In one file there is no folder beside it to read the definitions from: their texts are in it. */
function bringDefinitions(texts: readonly string[]): Plugin {
  return {
    name: 'bring-definitions',
    load: (id) =>
      id === join(root, 'cli', 'manifests', 'definitions.ts')
        ? `export async function readDefinitions() { return ${JSON.stringify(texts)}; }`
        : undefined,
  };
}

/** An older Node fails somewhere in a package, in words that nobody can act upon. */
const refuseOldNode =
  "if (Number(process.versions.node.split('.')[0]) < 22) {\n" +
  "  console.error('error: kubectl-kleym needs Node 22 or newer; this is ' + process.version);\n" +
  '  process.exit(4);\n' +
  '}\n';

// CommonJS: a file without an extension is no module to every Node, and single executables take no other.
async function bundle(): Promise<RolldownOutput> {
  const build = await rolldown({
    ...bundling,
    input: 'cli/main.ts',
    plugins: [bringDefinitions(await readDefinitions())],
  });
  try {
    return await build.generate({ format: 'cjs', codeSplitting: false, minify: 'dce-only' });
  } finally {
    await build.close();
  }
}

function toProgram({ output: [chunk, ...others] }: RolldownOutput): string {
  if (others.length > 0)
    throw new Error(`the bundle is more than one file: ${others.map(({ fileName }) => fileName).join(', ')}`);
  return chunk.code.replace(/^(#!.*\n)/, (hashbang) => `${hashbang}${refuseOldNode}`);
}

// The definitions are packages of nobody, so the bundler does not name them.
const commandContains =
  'kubectl-kleym contains definitions (CRDs) of the Gateway API inference extension, llm-d and SPIRE Controller\n' +
  'Manager, which are under the Apache License 2.0, and';

function toPackage(): object {
  const { version, license, description } = project;
  return {
    name: 'kubectl-kleym',
    version,
    description: `kubectl plugin: ${description}`,
    license,
    bin: { 'kubectl-kleym': 'kubectl-kleym', 'kubectl_complete-kleym': 'kubectl_complete-kleym' },
    files: ['kubectl-kleym', 'kubectl_complete-kleym', 'THIRD_PARTY_NOTICES', 'checksums.txt'],
    engines: { node: '>=22' },
  };
}

function toSum(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

if (import.meta.main) await buildCommand(join(root, 'dist-cli'));
