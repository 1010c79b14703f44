import { defineConfig } from 'vitest/config';
import SlowFirst from './test/support/slow-first.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'extensions/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/support/seeded.ts'],
    // isolated-vm and child processes want real processes; threads would share their crashes.
    pool: 'forks',
    // A worker keeps the modules it has loaded: what a file needs for itself is a host, a database, a folder.
    isolate: false,
    sequence: { sequencer: SlowFirst },
    // Two more than CI has cores: much of the time is waiting for leases, for Postgres, for a process to end.
    maxWorkers: 4,
    // What is waited for comes in the end: a machine that does other things takes many times as long.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 30_000 } },
  },
});
