import { defineConfig } from 'vitest/config';

const common = {
  // One file after the other: a small machine carries one API server that works, and storms need the rest of it.
  fileParallelism: false,
  // All in one worker, which loads each module once: no module holds state.
  isolate: false,
  setupFiles: ['test/support/leave-no-trace.ts'],
  testTimeout: 60_000,
  hookTimeout: 120_000,
};

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
        },
      },
      {
        test: {
          ...common,
          name: 'behaviour',
          include: ['test/behaviour/**/*.test.ts'],
          globalSetup: 'test/real/provide-cluster.ts',
        },
      },
    ],
  },
});
