import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{cli,functions,shared,local,test,knative}/**/*.test.{ts,tsx}'],
    exclude: ['**/node_modules/**', 'test/real/**', 'test/knative/**', 'test/release/**', 'test/browser/**'],
    testTimeout: 20_000,
    // Most of these tests wait for something; one worker for each processor would leave the processors idle.
    maxWorkers: 4,
    // A worker loads each module once for all of its files, which saves a third of the time: no module holds state.
    isolate: false,
    setupFiles: ['test/support/leave-no-trace.ts'],
  },
});
