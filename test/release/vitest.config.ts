import { defineConfig } from 'vitest/config';

/** The tests of what `npm run release` has written to dist/release. They need root, and what builds images. */
export default defineConfig({
  test: {
    include: ['test/release/**/*.test.ts'],
    setupFiles: ['test/support/leave-no-trace.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
