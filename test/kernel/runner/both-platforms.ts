import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import type { CellOwner } from '../../../kernel/sandbox/cell.ts';
import type { Json } from '../../../manifests/json.ts';
import { type Harness, startHarness } from '../sandbox/harness.ts';

/** Runs snippets of JavaScript in a real cell and in Node, which is the oracle of the same standards. */
export interface BothPlatforms extends AsyncDisposable {
  readonly harness: Harness;
  /** Runs the body of an async function in the cell. `input` is its argument. */
  inCell(body: string, input?: Json): Promise<Json>;
  /** Runs it in both and expects the same, thrown errors by their names. Resolves with what came out. */
  same(body: string, input?: Json): Promise<Json>;
}

/** `attempt(f)`: what a function returns, or the name of what it throws, also later. */
const ATTEMPT = `const attempt = async (run) => {
  try { return { value: await run() }; } catch (error) { return { threw: error.name }; }
};`;

const AsyncFunction = (async () => undefined).constructor as new (
  ...texts: string[]
) => (input: Json) => Promise<unknown>;

export async function startBothPlatforms(hostCall?: CellOwner['hostCall']): Promise<BothPlatforms> {
  const harness = await startHarness(
    { run: `({ code, input }) => new (async () => {}).constructor('input', code)(input)` },
    hostCall === undefined ? {} : { hostCall },
  );
  const inCell = (body: string, input: Json = null) =>
    harness.call('run', { code: ATTEMPT + body, input }, { cpuMs: 10_000 });
  return {
    harness,
    inCell,
    async same(body, input = null) {
      const [ours, theirs] = await Promise.all([
        inCell(body, input),
        new AsyncFunction('input', ATTEMPT + body)(input),
      ]);
      const expected: Json = JSON.parse(JSON.stringify(theirs ?? null));
      if (!isDeepStrictEqual(ours, expected)) expect(ours, body).toEqual(expected);
      return ours;
    },
    [Symbol.asyncDispose]: () => harness[Symbol.asyncDispose](),
  };
}
