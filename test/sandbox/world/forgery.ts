import { chmod } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { toMagError } from '../../../kernel/errors.ts';
import type { CellOwner } from '../../../kernel/sandbox/cell.ts';
import type { Json } from '../../../manifests/json.ts';
import { createHarness } from '../../kernel/sandbox/harness.ts';
import { type Codes, listed } from './codes.ts';
import type { Assault } from './siege.ts';

const FORGER = fileURLToPath(new URL('./forger.mjs', import.meta.url));

export interface Forgery {
  readonly name: string;
  /** What the replaced program does when it is called: the body of an async function of `cell` and `OUTSIDE`. */
  readonly script: string;
  readonly hostCall?: CellOwner['hostCall'];
  readonly expect: {
    /** What the call fails with. */
    readonly code?: Codes;
    /** Or what it answers: the proof that the attack got nowhere. */
    readonly answer?: Json;
  };
}

/**
 * One attack by whoever took over the whole process of a cell: it has Node to itself, and only the jail and
 * the protocol are left. The cell belongs to the same process as a real host with its canary, and shares its
 * event loop.
 */
export function forgery(forgery: Forgery): Assault {
  const run: Assault['run'] = async (world) => {
    await chmod(FORGER, 0o644); // a cell has an account of its own
    const code = `const OUTSIDE = ${JSON.stringify(world.sentinels.outside)};\n${forgery.script}`;
    await using harness = await createHarness({
      code,
      runnerPath: FORGER,
      ...(forgery.hostCall === undefined ? {} : { hostCall: forgery.hostCall }),
    });
    await harness.process.start();
    await world.begin();
    const outcome = await harness.call('anything', null, { deadlineMs: 15_000, cpuMs: 100 }).then(
      (answer) => ({ answer }),
      (thrown: unknown) => ({ code: toMagError(thrown).code }),
    );
    const { code: codes, answer } = forgery.expect;
    if (codes === undefined) expect(outcome).toEqual({ answer });
    else expect(outcome).toEqual({ code: expect.toBeOneOf([...listed(codes)]) });
    await harness.sandbox[Symbol.asyncDispose]();
    await world.expectUnharmed([]);
  };
  return { name: forgery.name, run };
}
