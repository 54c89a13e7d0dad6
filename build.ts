import { existsSync, readdirSync } from 'node:fs';
import { copyFile, cp, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { type InputOptions, type Plugin, type RolldownOutput, rolldown } from 'rolldown';
import { readBundledPackages, renderNotices } from './release/bundled-packages.ts';

const root = import.meta.dirname;

/** Builds what is shipped of the functions: their bundles, and the terms of all that is in these. */
export async function buildDist(folder: string): Promise<void> {
  const outputs = await buildFunctions(folder);
  await writeFile(join(folder, 'THIRD_PARTY_NOTICES'), await renderTerms(functionsContain, outputs.values()));
  await copyFile(join(root, 'LICENSE'), join(folder, 'LICENSE'));
}

/** How the terms of what is in the functions begin. */
export const functionsContain = 'The functions of kleym contain';

/** The terms of all that is in bundles. */
export async function renderTerms(subject: string, outputs: Iterable<RolldownOutput>): Promise<string> {
  return renderNotices(subject, await readBundledPackages(outputs));
}

/**
 * Bundles every function into a folder of its own: what it runs on, and nothing else. The same sources make the same
 * bytes, wherever they are built. A warning of the bundler is an error.
 */
export async function buildFunctions(folder: string): Promise<ReadonlyMap<string, RolldownOutput>> {
  const outputs = new Map<string, RolldownOutput>();
  for (const name of readdirSync(join(root, 'functions')).toSorted()) {
    outputs.set(name, await bundle(name, join(folder, name)));
    const assets = join(root, 'functions', name, 'assets');
    if (existsSync(assets)) await cp(assets, join(folder, name, 'assets'), { recursive: true });
  }
  return outputs;
}

/**
 * What packages load when they are loaded, and kleym never calls. Of `cloudevents` we use its class and its validation,
 * so not the ways in which it sends events and reads messages, nor how it makes up an id (ours have one). Of the client of
 * Kubernetes not what it sends with (we send over `node:https`). Of `pino` not the threads in which it would write (ours
 * writes to stdout). CommonJS cannot be shaken, so they are left out by name; who calls one all the same gets a TypeError.
 */
const unused: readonly (readonly [importer: RegExp, imported: RegExp])[] = [
  [/\/node_modules\/cloudevents\/dist\/index\.js$/, /^\.\/(transport\/(emitter|http)|message)$/],
  [/\/node_modules\/cloudevents\/dist\/event\/cloudevent\.js$/, /^uuid$/],
  [/\/@kubernetes\/client-node\/dist\//, /^undici$/],
  [/\/node_modules\/pino\/lib\/transport\.js$/, /^thread-stream$/],
];
const nothing = '\0kleym/nothing';

/** Leaves it out. */
export const leaveOutUnused: Plugin = {
  name: 'leave-out-unused',
  resolveId: (imported, importer = '') =>
    unused.some(([from, what]) => from.test(importer) && what.test(imported)) ? nothing : undefined,
  load: (id) => (id === nothing ? 'module.exports = {};' : undefined),
};

/**
 * An `import` of one of these reads everything that the module exports, and Node loads some of that only when it is read:
 * for the `WebSocket` of `node:http` it loads undici, HTTP/2 and TLS, which takes as long as all the rest of the smallest
 * server. A property of the module is read alone.
 */
const readByProperty = /^node:(http|util)$/;
const builtin = '\0kleym/';

const readBuiltinsByProperty: Plugin = {
  name: 'read-builtins-by-property',
  resolveId: (imported) => (readByProperty.test(imported) ? `${builtin}${imported}` : undefined),
  load: (id) => {
    const name = id.startsWith(builtin) && id.slice(builtin.length);
    if (!name || !readByProperty.test(name)) return undefined;
    return { code: `module.exports = process.getBuiltinModule('${name}');`, moduleSideEffects: false };
  },
};

/** What every bundle is made with. A warning of the bundler is an error. */
export const bundling = {
  cwd: root,
  platform: 'node',
  treeshake: {
    moduleSideEffects: [
      // Our modules do nothing when they are loaded; a function needs few of their schemas.
      { test: /\/shared\/[a-z]+\/[a-z-]+\.ts$/, sideEffects: false },
      // Nor do the client's, but its package does not say so, and its index names all of them: every API and model that
      // there is, most of what would have to be loaded before the first answer.
      { test: /client-node\/dist\/(?!index|polyfill)/, sideEffects: false },
    ],
  },
  // A warning that depends on how busy the machine is.
  checks: { bundlerTimings: false },
  onLog: (level, { message }) => {
    if (level === 'warn') throw new Error(message);
  },
} as const satisfies InputOptions;

async function bundle(name: string, dir: string): Promise<RolldownOutput> {
  const build = await rolldown({
    input: `functions/${name}/main.ts`,
    ...bundling,
    plugins: [leaveOutUnused, readBuiltinsByProperty],
  });
  try {
    return await build.write({
      dir,
      cleanDir: true,
      format: 'esm',
      entryFileNames: 'main.mjs',
      chunkFileNames: '[name].mjs',
      sourcemap: true,
      sourcemapPathTransform: (source, map) => toSourcePath(resolve(dirname(map), source)),
    });
  } finally {
    await build.close();
  }
}

/** As seen from dist/<function>/, where the bundles of a checkout are, whichever folder this one is written to. */
function toSourcePath(file: string): string {
  return ['..', '..', ...relative(root, file).split(sep)].join('/');
}

if (import.meta.main) await buildDist(join(root, 'dist'));
