import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{functions,shared,local,test,knative}/**/*.test.ts'],
    exclude: ['**/node_modules/**', 'test/real/**', 'test/knative/**'],
    testTimeout: 20_000,
    // Most of these tests wait for something; one worker for each processor would leave the processors idle.
    maxWorkers: 4,
  },
});
