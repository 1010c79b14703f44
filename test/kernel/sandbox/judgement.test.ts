import { describe, expect, it } from 'vitest';
import { CallNotTaken, readDeath } from '../../../kernel/sandbox/death.ts';
import { guestError } from '../../../kernel/sandbox/guest-error.ts';
import { Rate } from '../../../kernel/sandbox/rate.ts';
import { RestartPolicy } from '../../../kernel/sandbox/restart-policy.ts';
import type { Code } from '../../../manifests/catalog/index.ts';
import { CALLS, errorsOf } from '../../../manifests/protocol/calls.ts';
import { CELL_CODES } from '../../../manifests/protocol/cell-codes.ts';
import { CELL_EXIT, OUT_OF_MEMORY_WORDS } from '../../../manifests/protocol/cell-exit.ts';

describe('the error of a guest', () => {
  const answered = new Map<Code, string>([
    ['E_DB', 'as the host said'],
    ['E_AUTH_REQUIRED', 'never passed on'],
    ['E_INTERNAL', 'never passed on'],
    ['E_LIMIT_RATE', 'too many at once'],
  ]);
  const judged = (code: string) => guestError({ code, message: 'as the guest says' }, answered).code;

  it('keeps what the host said itself, in the words of the host', () => {
    const error = guestError({ code: 'E_DB', message: 'as the guest says' }, answered);
    expect([error.code, error.message]).toEqual(['E_DB', 'as the host said']);
  });

  it.each([...new Set(Object.values(CALLS).flatMap(errorsOf))])(
    'keeps %s when a host call ended with it',
    (code) => {
      const error = guestError({ code, message: 'as the guest says' }, new Map([[code, 'as the host said']]));
      expect([error.code, error.message]).toEqual([code, 'as the host said']);
      if (!Object.hasOwn(CELL_CODES, code))
        expect(guestError({ code, message: '' }, new Map()).code).toBe('E_EXTENSION');
    },
  );

  it.each(['E_LIMIT_CPU', 'E_LIMIT_MEMORY', 'E_LIMIT_OUTPUT', 'E_LIMIT_RATE'])('keeps %s', (code) => {
    expect(judged(code)).toBe(code);
  });

  it.each(['E_CAP_UNDECLARED', 'E_SQL_FORBIDDEN', 'E_AUTH_REQUIRED', 'E_VETO', 'E_INTERNAL', 'toString', ''])(
    'believes no %s',
    (code) => {
      expect(judged(code)).toBe('E_EXTENSION');
    },
  );
});

describe('the end of a process', () => {
  const exit = { code: null, signal: null, stderr: '' };
  const codes = (death: ReturnType<typeof readDeath>) => [death.error.code, death.inFlight.code];

  it('is told apart by how the runner left', () => {
    expect(codes(readDeath({ ...exit, code: CELL_EXIT.cpu }))).toEqual(['E_LIMIT_CPU', 'E_CELL_LOST']);
    const words = { ...exit, signal: 'SIGKILL', stderr: `${OUT_OF_MEMORY_WORDS}\n` } as const;
    expect(codes(readDeath(words))).toEqual(['E_LIMIT_MEMORY', 'E_LIMIT_MEMORY']);
    expect(codes(readDeath({ ...exit, code: 1 }))).toEqual(['E_CELL_LOST', 'E_CELL_LOST']);
  });

  it('is told apart by the last words of V8', () => {
    const stderr = 'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory';
    expect(codes(readDeath({ ...exit, signal: 'SIGABRT', stderr }))[0]).toBe('E_LIMIT_MEMORY');
    expect(codes(readDeath({ ...exit, signal: 'SIGABRT' }))[0]).toBe('E_CELL_LOST');
  });

  it('lets calls that had no effect be made again, unless one of them may be what ended the cell', () => {
    expect(readDeath({ ...exit, code: CELL_EXIT.cpu }).notTaken).toBeInstanceOf(CallNotTaken);
    expect(readDeath({ ...exit, signal: 'SIGKILL' }).notTaken).toBeInstanceOf(CallNotTaken);
    expect(readDeath({ ...exit, signal: 'SIGSEGV' }).notTaken).toBeNull();
    expect(readDeath({ ...exit, signal: 'SIGABRT' }).notTaken).toBeNull();
  });
});

describe('the restart policy', () => {
  it('waits longer each time and ends with the fifth death in ten minutes', () => {
    let now = 0;
    const policy = new RestartPolicy(() => now);
    const delays = Array.from({ length: 5 }, () => policy.afterDeath());
    expect(delays).toEqual([0, 100, 500, 2_000, null]);
    now = 10 * 60_000;
    expect(policy.afterDeath()).toBe(0);
  });
});

describe('a rate', () => {
  it('lets so many through in each second', () => {
    let now = 0;
    const rate = new Rate(2, () => now);
    expect([rate.take(), rate.take(), rate.take()]).toEqual([true, true, false]);
    now = 1_000;
    expect(rate.take()).toBe(true);
  });
});
