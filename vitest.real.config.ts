import { defineConfig } from 'vitest/config';

// The projects run one after the other, and so do the files of each: a small machine carries one API server at a time.
const common = { fileParallelism: false, testTimeout: 60_000, hookTimeout: 120_000 };

/** The tests that need a real API server. It is built from source when they run for the first time. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...common,
          name: 'real',
          include: ['test/real/**/*.test.ts'],
          globalSetup: 'test/real/provide-control-plane.ts',
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...common,
          name: 'behaviour',
          include: ['test/behaviour/**/*.test.ts'],
          globalSetup: 'test/real/provide-cluster.ts',
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
