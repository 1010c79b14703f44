import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'extensions/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    // isolated-vm and child processes want real processes; threads would share their crashes.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
