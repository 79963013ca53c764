import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/soak/*.soak.ts'],
    testTimeout: 6 * 3_600_000,
    hookTimeout: 120_000,
    retry: 0,
    silent: false,
  },
});
