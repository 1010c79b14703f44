import { chmodSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { bundleRunner } from '../../../host/build/bundle-runner.ts';
import { ROOT_DIR } from '../../../host/paths.ts';
import type { ExtensionProcess, ProcessOptions, Sandbox } from '../../../kernel/sandbox/cell.ts';
import { createSandbox } from '../../../kernel/sandbox/sandbox.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { endpoint, eventually, isAlive, REQUEST } from './harness.ts';

const CHATTY = fileURLToPath(new URL('./fixtures/chatty-runner.mjs', import.meta.url));
/** What a manifest that asks for nothing gets. */
const USUAL = { jit: true, memoryMb: 64 };

const open: Sandbox[] = [];
afterEach(async () => {
  for (const sandbox of open.splice(0)) await sandbox[Symbol.asyncDispose]();
});

async function sandboxWith(spareCells: number): Promise<Sandbox> {
  const sandbox = createSandbox({
    runnerPath: await bundleRunner(`${ROOT_DIR}/.build`),
    logger: silentLogger,
    spareCells,
  });
  open.push(sandbox);
  await sandbox.check();
  return sandbox;
}

/** The cells that this process has started. What other files in it have left running, such as esbuild, is none. */
function cells(): number[] {
  const text = readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1');
  return text.split(' ').filter(Boolean).map(Number).filter(isCell);
}

function isCell(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('runner.mjs');
  } catch {
    return false; // it has just ended
  }
}

/** The cells there are, when so many of them wait. */
async function waiting(sandbox: Sandbox, count: number): Promise<number[]> {
  await eventually(() => sandbox.spares() === count);
  return cells().sort();
}

function create(sandbox: Sandbox, options: Partial<ProcessOptions> = {}): ExtensionProcess {
  const code = `let n = 0; export default { endpoints: { count: async (_r, ctx) => [ctx.extension.id, ctx.config.x, ++n] } };`;
  return sandbox.create({
    load: { extension: { id: 'acme/hello', version: '1.0.0' }, code, config: { x: 1 }, cpuMs: 2_000 },
    ...USUAL,
    hostCallsPerSecond: 10,
    owner: { hostCall: () => Promise.resolve('null'), log: () => undefined },
    onReady: () => Promise.resolve(),
    onDeath: () => undefined,
    onGiveUp: () => undefined,
    ...options,
  });
}

const count = (process: ExtensionProcess) =>
  process.invoke(endpoint('count'), null, { request: REQUEST, deadlineMs: 20_000, cpuMs: 2_000 });

describe.runIf(process.platform === 'linux')('spare cells', () => {
  it('are handed out once each, and others take their place', async () => {
    const sandbox = await sandboxWith(2);
    const spares = await waiting(sandbox, 2);
    const [one, other] = [create(sandbox), create(sandbox)];
    await Promise.all([one.start(), other.start()]);
    expect([one.stats.pid, other.stats.pid].sort()).toEqual(spares);
    expect(await count(one)).toEqual(['acme/hello', 1, 1]);
    expect(await count(other)).toEqual(['acme/hello', 1, 1]);
    expect(await waiting(sandbox, 2)).toHaveLength(4);
    await one.stop(0);
    expect(cells()).toHaveLength(3);
  });

  it.each([
    { ...USUAL, jit: false },
    { ...USUAL, memoryMb: 32 },
  ])('are not for an extension that needs another kind: %o', async (kind) => {
    const sandbox = await sandboxWith(1);
    const [spare = 0] = await waiting(sandbox, 1);
    const extension = create(sandbox, kind);
    await extension.start();
    expect(extension.stats.pid).not.toBe(spare);
    // What was asked for last is what waits.
    await eventually(() => !isAlive(spare));
    const next = (await waiting(sandbox, 1)).find((pid) => pid !== extension.stats.pid);
    const another = create(sandbox, kind);
    await another.start();
    expect(another.stats.pid).toBe(next);
  });

  it('that end while they wait, or as they are handed out, are not missed', async () => {
    const sandbox = await sandboxWith(1);
    const [spare = 0] = await waiting(sandbox, 1);
    process.kill(spare, 'SIGKILL');
    await eventually(() => !isAlive(spare));
    await eventually(() => cells().length === 1); // the dead one may count for a moment longer
    const [next = Number.NaN] = await waiting(sandbox, 1);
    process.kill(next, 'SIGKILL'); // nobody has heard of it when it is handed out
    const extension = create(sandbox);
    await extension.start();
    expect(await count(extension)).toEqual(['acme/hello', 1, 1]);
    expect(extension.stats.pid).not.toBe(next);
    expect(extension.stats.restarts).toBe(0);
  });

  it('may say nothing but that they are there', async () => {
    chmodSync(CHATTY, 0o644); // cells of a host that runs as root are other users
    const warned: object[] = [];
    const logger = { ...silentLogger, warn: (fields: object) => warned.push(fields) };
    const sandbox = createSandbox({ runnerPath: CHATTY, logger, spareCells: 1, jail: {} });
    open.push(sandbox);
    await sandbox.check();
    await eventually(() => warned.some((fields) => 'reason' in fields));
    expect(sandbox.spares()).toBe(0);
  });

  it('end with the sandbox', async () => {
    const sandbox = await sandboxWith(2);
    const spares = await waiting(sandbox, 2);
    await sandbox[Symbol.asyncDispose]();
    expect(spares.filter(isAlive)).toEqual([]);
  });
});
