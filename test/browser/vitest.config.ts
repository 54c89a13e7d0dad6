import { defineConfig } from 'vitest/config';

/** The tests of what people see. They need a Chromium. */
export default defineConfig({
  test: {
    include: ['test/browser/**/*.test.ts'],
    setupFiles: ['test/support/leave-no-trace.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 20_000 } },
    // Each file has a Chromium of its own, which takes a processor.
    maxWorkers: 2,
  },
});
