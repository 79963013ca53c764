import { configDefaults, defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Of Podman alone: test/lab/podman sets LAB_ENGINE. What breaks the lab itself: test/faults/run sets LAB_FAULTS.
    exclude: [
      ...configDefaults.exclude,
      ...(process.env.LAB_ENGINE === 'podman' ? [] : ['test/integration/podman/**']),
      ...(process.env.LAB_FAULTS === 'yes' ? [] : ['test/faults/**']),
    ],
    // Who breaks the engine breaks it for all.
    fileParallelism: process.env.LAB_FAULTS !== 'yes',
    // A hung test is a failure with a name; work on a real engine takes its time.
    testTimeout: 120_000,
    hookTimeout: 240_000,
    // What is waited for comes; how soon is the machine's affair.
    expect: { poll: { timeout: 30_000 } },
    retry: 0,
    // Most of a test's time is waiting for the engine and for git: more files at once than half of the cores, which is the default.
    maxWorkers: 3,
  },
});
