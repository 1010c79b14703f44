import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { execPath, pid } from 'node:process';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ProcessNumbers } from '../../../kernel/sandbox/process-numbers.ts';
import { Watchdog } from '../../../kernel/sandbox/watchdog.ts';
import { HEARTBEAT_MISSES, HEARTBEAT_MS, KILL_GRACE_MS } from '../../../manifests/protocol/limits.ts';

const SILENCE_MS = HEARTBEAT_MS * HEARTBEAT_MISSES;
const MB = 1_048_576;

describe('a watchdog', () => {
  let bitten: string[];
  let numbers: { residentBytes: number; waitedMs: number; close: () => void };
  let watchdog: Watchdog;

  beforeEach(() => {
    vi.useFakeTimers();
    bitten = [];
    numbers = { residentBytes: 0, waitedMs: 0, close: vi.fn() };
    watchdog = new Watchdog({
      process: numbers,
      memoryMb: 32,
      busyMs: () => 0,
      onBite: ({ code }) => bitten.push(code),
    });
  });
  afterEach(() => {
    watchdog.stop();
    vi.useRealTimers();
  });

  /** Passes time, of which the cell waits this share for a processor. */
  const pass = (ms: number, waiting = 0) => {
    for (let passed = 0; passed < ms; passed += 50) {
      vi.advanceTimersByTime(50);
      numbers.waitedMs += 50 * waiting;
    }
  };

  it('bites a cell that is silent, once', () => {
    pass(SILENCE_MS - 50);
    expect(bitten).toEqual([]);
    pass(1_000);
    expect(bitten).toEqual(['E_LIMIT_CPU']);
    expect(numbers.close).toHaveBeenCalledOnce();
  });

  it('leaves one alone that says something', () => {
    for (let beats = 0; beats < 20; beats++) {
      pass(HEARTBEAT_MS);
      watchdog.beat();
    }
    expect(bitten).toEqual([]);
  });

  it('does not count what a cell waits for a processor, and bites when it got one', () => {
    pass(60_000, 1);
    expect(bitten).toEqual([]);
    pass(SILENCE_MS + 200);
    expect(bitten).toEqual(['E_LIMIT_CPU']);
  });

  it('bites one that runs half of the time and says nothing', () => {
    pass(4 * SILENCE_MS, 0.5);
    expect(bitten).toEqual(['E_LIMIT_CPU']);
  });

  it('bites one that does not answer when it is to', () => {
    watchdog.expectSign(KILL_GRACE_MS);
    pass(KILL_GRACE_MS + 100);
    expect(bitten).toEqual(['E_LIMIT_CPU']);
  });

  it('gives one that is to answer what it waited for a processor', () => {
    watchdog.expectSign(KILL_GRACE_MS);
    pass(600, 1);
    expect(bitten).toEqual([]);
    watchdog.beat();
    pass(SILENCE_MS - 100);
    expect(bitten).toEqual([]);
  });

  it('bites one that takes too much memory, at once', () => {
    numbers.residentBytes = (32 * 1.5 + 160) * MB + 1;
    pass(100);
    expect(bitten).toEqual(['E_LIMIT_MEMORY']);
  });
});

describe('the numbers of a process', () => {
  it('are those of the system', async () => {
    const own = new ProcessNumbers(pid);
    expect(own.residentBytes).toBeGreaterThan(10 * MB);
    const before = own.waitedMs;
    expect(before).toBeGreaterThan(0);
    own.close();
    own.close();
    expect([own.residentBytes, own.waitedMs]).toEqual([0, 0]);
  });

  it('are none of a process that is gone', async () => {
    const child = spawn(execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    await once(child, 'spawn');
    const numbers = new ProcessNumbers(child.pid ?? 0);
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    expect([numbers.residentBytes, numbers.waitedMs]).toEqual([0, 0]);
    numbers.close();
    expect(new ProcessNumbers(child.pid ?? 0).residentBytes).toBe(0);
  });
});
