import { defineConfig } from 'vitest/config';

/** The tests that need a real API server. It is built from source when they run for the first time. */
export default defineConfig({
  test: {
    include: ['test/real/**/*.test.ts'],
    globalSetup: 'test/real/provide-control-plane.ts',
    // Each file has a control plane of its own, of which a small machine runs one at a time.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
