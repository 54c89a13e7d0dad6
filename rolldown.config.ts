import { readdirSync } from 'node:fs';
import { defineConfig } from 'rolldown';

const functions = readdirSync('functions');

/** One bundle a function: what it runs on, and nothing else, in one file beside its source map. */
export default defineConfig(
  functions.map((name) => ({
    input: `functions/${name}/main.ts`,
    platform: 'node' as const,
    output: {
      dir: `dist/${name}`,
      entryFileNames: 'main.mjs',
      chunkFileNames: '[name].mjs',
      format: 'esm' as const,
      sourcemap: true,
      minify: false,
    },
  })),
);
