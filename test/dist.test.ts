import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCluster } from '@kleym/kube-api';
import type { OutputChunk } from 'rolldown';
import { afterAll, describe, expect, test } from 'vitest';
import { buildFunctions } from '../build.ts';
import { startFunction, untilListening } from './support/function-process.ts';
import { shippedFunctions, specifyFunctions } from './support/functions-specification.ts';
import { provideDist } from './support/provide-dist.ts';
import { readDefinitions } from '../local/crds/definitions.ts';

const root = join(import.meta.dirname, '..');
const assets = ['console.css', 'console.js', 'icon.svg'].map((file) => `console/assets/${file}`);

// Far from any node_modules: what a bundle does not bring along is not there.
const folder = await mkdtemp(join(tmpdir(), 'kleym-dist-'));
const cluster = await startCluster({ crds: await readDefinitions() });
afterAll(async () => {
  await cluster.close();
  await rm(folder, { recursive: true });
});
const dist = join(folder, 'dist');
await provideDist(dist);
const elsewhere = join(folder, 'another', 'place');
const built = await buildFunctions(elsewhere);

describe('the bundles', () => {
  test('are built for each function, with the terms of what is in them', async () => {
    expect((await readdir(dist)).toSorted()).toEqual(['LICENSE', 'THIRD_PARTY_NOTICES', ...shippedFunctions]);
    expect([...built.keys()]).toEqual(shippedFunctions);
  });

  test('are the same bytes wherever they are built, and contain no path of the build', async () => {
    const hashes = await readHashes(dist);
    expect(Object.keys(hashes).filter((file) => file.endsWith('/main.mjs'))).toHaveLength(
      shippedFunctions.length,
    );
    const modules = Object.keys(hashes).filter((file) => file.endsWith('.mjs'));
    expect(Object.keys(hashes)).toEqual(
      [...modules, ...modules.filter(hasSource).map((file) => `${file}.map`), ...assets].toSorted(),
    );
    expect(await readHashes(elsewhere)).toEqual(hashes);
    for (const file of Object.keys(hashes)) {
      const text = await readFile(join(dist, file), 'utf8');
      expect([root, folder].filter((path) => text.includes(path))).toEqual([]);
    }
  }, 60_000);

  test('contain the function, shared code and production dependencies only', async () => {
    const text = await readFile(join(root, 'package-lock.json'), 'utf8');
    const { packages } = JSON.parse(text) as { packages: Record<string, { readonly dev?: boolean }> };
    for (const [name, { output }] of built) {
      const modules = output
        .flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : []))
        .filter((id) => !id.startsWith('\0'))
        .map((id) => id.slice(root.length + 1));
      const own = modules.filter((id) => !id.startsWith('node_modules/'));
      expect(own).toContain(`functions/${name}/main.ts`);
      expect(own.filter((id) => !RegExp(`^(functions/${name}/|shared/|package\\.json$)`).test(id))).toEqual(
        [],
      );
      const found = new Set(modules.flatMap((id) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id) ?? []));
      expect([...found]).toContain('node_modules/hono');
      expect([...found].filter((path) => packages[path]?.dev !== undefined || !packages[path])).toEqual([]);
    }
  });

  test('import nothing but Node and their own chunks', () => {
    for (const { output } of built.values()) {
      const chunks = output.filter((one) => one.type === 'chunk');
      const own = chunks.map(({ fileName }) => fileName);
      const imports = chunks.flatMap((chunk) => [...chunk.imports, ...chunk.dynamicImports]);
      const known = [...own, ...builtinModules, ...builtinModules.map((name) => `node:${name}`)];
      expect(imports.filter((name) => !known.includes(name))).toEqual([]);
    }
  });

  test('load the Kubernetes client and OpenTelemetry lazily, and only where they are needed', () => {
    for (const [name, { output }] of built) {
      const chunks = output.filter((one) => one.type === 'chunk');
      const atOnce = loadedAtOnce(chunks, 'main.mjs');
      expect(atOnce.flatMap(({ moduleIds }) => moduleIds.filter(isLazy))).toEqual([]);
      const lazy = atOnce.flatMap(({ dynamicImports }) => dynamicImports);
      // The console takes no events, so it has nothing to trace.
      expect(lazy.toSorted()).toEqual([
        ...(name === 'map-binding' ? [] : ['kube-cluster.mjs']),
        ...(name === 'console' ? [] : ['recording.mjs']),
      ]);
      if (name === 'console') continue;
      // What sends is loaded after the first answer.
      const recording = loadedAtOnce(chunks, 'recording.mjs').flatMap(({ moduleIds }) => moduleIds);
      expect(recording.some((id) => id.includes('/@opentelemetry/sdk-trace/'))).toBe(true);
      expect(recording.filter((id) => id.includes('/@opentelemetry/exporter-'))).toEqual([]);
    }
  });
});

/** Has a process say at its end which of Node's own modules it has loaded. */
const tellModules = `process.on('exit', () => {
  const line = JSON.stringify({ modules: process.moduleLoadList });
  process.getBuiltinModule('fs').writeSync(1, line + '\\n');
})`;

test('a mapper answers without what Node loads for fetch, HTTP/2 and TLS', async () => {
  const main = join(dist, 'map-binding', 'main.mjs');
  const tell = `--import=data:text/javascript,${encodeURIComponent(tellModules)}`;
  const { child, port, ended } = await untilListening(startFunction(main, { NODE_OPTIONS: tell }));
  const url = `http://127.0.0.1:${port}/`;
  expect((await fetch(`${url}healthz`)).status).toBe(200);
  const headers = {
    'ce-specversion': '1.0',
    'ce-id': 'id',
    'ce-source': 'test',
    'ce-type': 'dev.knative.apiserver.ref.update',
    'ce-apiversion': 'kleym.sonda.red/v1alpha1',
    'ce-kind': 'InferenceIdentityBinding',
    'ce-name': 'b',
    'ce-namespace': 'team-a',
  };
  expect((await fetch(url, { method: 'POST', headers, body: '{}' })).status).toBe(200);
  child.kill('SIGTERM');
  const { lines } = await ended;
  // The log may follow: it is flushed at the end, too.
  const line = lines.find((one) => one.startsWith('{"modules"')) ?? '';
  const { modules } = JSON.parse(line) as { readonly modules: string[] };
  expect(modules).toContain('NativeModule http');
  expect(modules.filter((name) => /undici|http2|tls/.test(name))).toEqual([]);
});

/** What the bundler writes itself has none. */
function hasSource(file: string): boolean {
  return !file.endsWith('/rolldown-runtime.mjs');
}

/** A chunk, and all that it cannot do without. */
function loadedAtOnce(chunks: readonly OutputChunk[], file: string): OutputChunk[] {
  const files = new Set([file]);
  for (const one of files) for (const next of toChunk(chunks, one)?.imports ?? []) files.add(next);
  return [...files].flatMap((one) => toChunk(chunks, one) ?? []);
}

function toChunk(chunks: readonly OutputChunk[], file: string): OutputChunk | undefined {
  return chunks.find(({ fileName }) => fileName === file);
}

function isLazy(id: string): boolean {
  return id.includes('/@kubernetes/client-node/') || id.includes('/@opentelemetry/');
}

async function readHashes(of: string): Promise<Record<string, string>> {
  const files = (await readdir(of, { recursive: true }))
    .filter((file) => /\.(mjs|map|js|css|svg)$/.test(file))
    .toSorted();
  const hashes = files.map(async (file) => {
    const hash = createHash('sha256').update(await readFile(join(of, file)));
    return [file, hash.digest('hex')] as const;
  });
  return Object.fromEntries(await Promise.all(hashes));
}

describe('each bundle, as a process of its own without node_modules', async () => {
  await specifyFunctions({
    cluster,
    start: (name, environment) => startFunction(join(dist, name, 'main.mjs'), environment),
    provideFile: async (name, text) => {
      const path = join(folder, name);
      await writeFile(path, text);
      return path;
    },
  });
});
