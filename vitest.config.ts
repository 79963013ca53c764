import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Of Podman alone: test/lab/podman sets LAB_ENGINE.
    exclude: [
      ...configDefaults.exclude,
      ...(process.env.LAB_ENGINE === 'podman' ? [] : ['test/integration/podman/**']),
    ],
    // A hung test is a failure with a name; work on a real engine takes its time.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    retry: 0,
    // Most of a test's time is waiting for the engine and for git: more files at once than half of the cores, which is the default.
    maxWorkers: 3,
  },
});
