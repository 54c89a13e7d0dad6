import { defineConfig } from 'vitest/config';

const common = {
  // A worker loads each module once for all of its files: no module holds state.
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
          // Two at a time, each file with an API server of its own: half of them wait for most of their time.
          maxWorkers: 2,
          include: ['test/real/**/*.test.ts'],
          globalSetup: 'test/real/provide-control-plane.ts',
        },
      },
      {
        test: {
          ...common,
          name: 'behaviour',
          // One after the other, and after the rest: they share an API server.
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
          include: ['test/behaviour/**/*.test.ts'],
          globalSetup: 'test/real/provide-cluster.ts',
        },
      },
    ],
  },
});
