import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { bundleDebugRunner, bundleRunner } from '../../../../../host/build/bundle-runner.ts';
import { createDebugSandbox, type DebugSandbox } from '../../../../../host/cli/dev/debugger/debug-sandbox.ts';
import type { MagError } from '../../../../../kernel/errors.ts';
import type { ExtensionProcess } from '../../../../../kernel/sandbox/cell.ts';
import { createHarness, endpoint, isAlive, REQUEST, rejection } from '../../../../kernel/sandbox/harness.ts';
import { silentLogger } from '../../../../support/silent-logger.ts';
import { connectClient, type DebugClient } from './debug-client.ts';

const BUILD_DIR = fileURLToPath(new URL('../../../../../.build/', import.meta.url));
const FILE = 'acme/hello/index.js';
/** The line, from 0, that `stopsAt` sets its breakpoint on. */
const LINE = 4;
const CODE = `export default {
  endpoints: {
    'GET /double': async (request, ctx) => {
      const twice = request.n * 2;
      return { body: twice };
    },
    'GET /wait': async (request, ctx) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      ctx.log.info('waited');
      return { body: 'waited' };
    },
  },
};`;

const open: AsyncDisposable[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]();
});

interface Debugged {
  readonly sandbox: DebugSandbox;
  readonly process: ExtensionProcess;
  readonly logs: string[];
  readonly deaths: MagError[];
  readonly givenUp: Promise<MagError>;
  call(name: string, payload: { n: number }, deadlineMs?: number): Promise<unknown>;
}

async function debugged(runnerPath?: string, code = CODE): Promise<Debugged> {
  const deaths: MagError[] = [];
  const sandbox = createDebugSandbox({
    runnerPath: runnerPath ?? (await bundleDebugRunner(BUILD_DIR)),
    trailer: '//# sourceMappingURL=data:application/json;base64,e30=',
    logger: silentLogger,
    onDeath: (error) => deaths.push(error),
  });
  open.push(sandbox);
  const logs: string[] = [];
  const givenUp = Promise.withResolvers<MagError>();
  const process = sandbox.create({
    load: {
      extension: { id: 'acme/hello', version: '1.2.3' },
      code,
      config: {},
      cpuMs: 50,
    },
    memoryMb: 32,
    hostCallsPerSecond: 100,
    jit: true,
    owner: { hostCall: () => Promise.resolve('null'), log: (_level, message) => logs.push(message) },
    onReady: () => Promise.resolve(),
    onDeath: () => undefined,
    onGiveUp: (error) => givenUp.resolve(error),
  });
  return {
    sandbox,
    process,
    logs,
    deaths,
    givenUp: givenUp.promise,
    call: (name, payload, deadlineMs = 100) =>
      process.invoke(endpoint(name), payload, { request: REQUEST, deadlineMs, cpuMs: 50 }),
  };
}

it('serves as any cell does', async () => {
  const { process, call, logs } = await debugged();
  expect((await process.start()).endpoints).toEqual(['GET /double', 'GET /wait']);
  expect(await call('GET /double', { n: 21 })).toEqual({ body: 42 });
  expect(await call('GET /wait', { n: 0 })).toEqual({ body: 'waited' });
  expect(logs).toEqual(['waited']);
});

it('shows the module with its source map, stops at a breakpoint and goes on, deadlines or not', async () => {
  const { sandbox, process, call } = await debugged();
  await process.start();
  const { client } = connectClient(sandbox.debugger);
  await client.call('Debugger.enable');
  const script = await client.next('Debugger.scriptParsed', ({ url }) => url === FILE);
  expect(script.sourceMapURL).toBe('data:application/json;base64,e30=');
  await client.call('Debugger.setBreakpointByUrl', { url: FILE, lineNumber: LINE });

  const answer = call('GET /double', { n: 4 });
  const { callFrames } = await client.next('Debugger.paused');
  expect(callFrames[0].location.lineNumber).toBe(LINE);
  const { callFrameId } = callFrames[0];
  const { result } = await client.call('Debugger.evaluateOnCallFrame', { callFrameId, expression: 'twice' });
  expect(result.value).toBe(8);

  // Longer than the deadline of the call, its grace, and every heartbeat a cell may miss.
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(process.stats.pid).not.toBeNull();
  await client.call('Debugger.resume');
  expect(await answer).toEqual({ body: 8 });
});

it('goes on when the debugger leaves in the middle of a breakpoint', async () => {
  const { sandbox, process, call } = await debugged();
  await process.start();
  const { client, close } = connectClient(sandbox.debugger);
  await client.call('Debugger.enable');
  await client.call('Debugger.setBreakpointByUrl', { url: FILE, lineNumber: LINE });
  const answer = call('GET /double', { n: 1 });
  await client.next('Debugger.paused');
  close();
  expect(await answer).toEqual({ body: 2 });
});

it('goes on however many debuggers leave in the moment in which it stops', async () => {
  const { sandbox, process, call } = await debugged();
  await process.start();
  for (let round = 0; round < 200; round++) {
    const { client, close } = connectClient(sandbox.debugger);
    await client.call('Debugger.enable');
    await client.next('Debugger.scriptParsed', ({ url }) => url === FILE);
    await client.call('Debugger.setBreakpointByUrl', { url: FILE, lineNumber: LINE });
    const answers = [1, 2, 3].map((n) => call('GET /double', { n }));
    if (round % 3 === 0) await new Promise((resolve) => setTimeout(resolve, round % 4));
    const leaves = performance.now() + (round % 10) * 0.3; // shorter than a timer can be
    while (performance.now() < leaves);
    close();
    answers.push(call('GET /double', { n: 4 }));
    expect(await Promise.all(answers)).toEqual([2, 4, 6, 8].map((body) => ({ body })));
  }
});

it('stops where it is when it is told to, once each time', async () => {
  const { sandbox, process, call } = await debugged();
  await process.start();
  const { client } = connectClient(sandbox.debugger);
  await client.call('Debugger.enable');
  for (let n = 1; n <= 5; n++) {
    await client.call('Debugger.pause');
    const answer = call('GET /double', { n });
    await client.next('Debugger.paused');
    await client.call('Debugger.resume');
    expect(await answer).toEqual({ body: 2 * n });
    expect(await call('GET /double', { n })).toEqual({ body: 2 * n });
  }
});

it('stops in the middle of a loop when it is told to', async () => {
  const code = `export default { endpoints: { loop: async () => { globalThis.go = true; while (globalThis.go) {} return 'out'; } } };`;
  const { sandbox, process, call } = await debugged(undefined, code);
  await process.start();
  const { client } = connectClient(sandbox.debugger);
  await client.call('Debugger.enable');
  const answer = call('loop', { n: 0 });
  let [frame] = await pausedFrames(client);
  for (; frame.functionName !== 'loop'; [frame] = await pausedFrames(client)) {
    await client.call('Debugger.resume'); // the call had not come to it yet
    await client.next('Debugger.resumed'); // V8 ignores a pause that comes before it has left the one before
  }
  const { callFrameId } = frame;
  await client.call('Debugger.evaluateOnCallFrame', { callFrameId, expression: 'globalThis.go = false' });
  await client.call('Debugger.resume');
  expect(await answer).toBe('out');
});

async function pausedFrames(client: DebugClient) {
  await client.call('Debugger.pause');
  return (await client.next('Debugger.paused')).callFrames;
}

it('carries messages longer than a frame, both ways', async () => {
  const { sandbox, process } = await debugged();
  await process.start();
  const { client } = connectClient(sandbox.debugger);
  await client.call('Runtime.enable');
  const { context } = await client.next('Runtime.executionContextCreated');
  const expression = JSON.stringify('é"'.repeat(600_000));
  const { result } = await client.call('Runtime.evaluate', { expression, contextId: context.id });
  expect(result.value).toHaveLength(1_200_000);
});

it('ends at once although a breakpoint holds it, and tells the debugger', async () => {
  const { sandbox, process, call } = await debugged();
  await process.start();
  const { pid } = process.stats;
  const { client, closed } = connectClient(sandbox.debugger);
  await client.call('Debugger.enable');
  await client.call('Debugger.setBreakpointByUrl', { url: FILE, lineNumber: LINE });
  const failed = rejection(call('GET /double', { n: 1 }));
  await client.next('Debugger.paused');
  await process.stop(60_000);
  await closed;
  expect((await failed).code).toBe('E_NOT_ENABLED');
  expect(isAlive(pid ?? 0)).toBe(false);
  expect(sandbox.debugger.connect({ onMessage: () => undefined, onClose: () => undefined })).toBeNull();
});

it('does not start an extension again that used up its memory', async () => {
  const code = `export default { endpoints: { hog: async () => { const all = []; for (;;) all.push(new Array(1e5).fill(1)); } } };`;
  const { process, call, deaths, givenUp } = await debugged(undefined, code);
  await process.start();
  expect((await rejection(call('hog', { n: 0 }))).code).toBe('E_LIMIT_MEMORY');
  expect((await givenUp).code).toBe('E_LIMIT_MEMORY');
  expect(deaths).toHaveLength(1);
});

it('refuses a message to a debugger there never was', async () => {
  const process = (await debugged(await forgingRunner({ t: 'debug', session: 1, text: '{}', last: true })))
    .process;
  expect((await rejection(process.start())).code).toBe('E_PROTOCOL');
});

it('is no frame in an ordinary cell', async () => {
  const runnerPath = await forgingRunner({ t: 'debug', session: 1, text: '{}', last: true });
  await using harness = await createHarness({ runnerPath });
  expect((await rejection(harness.process.start())).code).toBe('E_PROTOCOL');
});

it('is not part of the program of an ordinary cell', async () => {
  const [ordinary, debug] = await Promise.all([
    readFile(await bundleRunner(BUILD_DIR), 'utf8'),
    readFile(await bundleDebugRunner(BUILD_DIR), 'utf8'),
  ]);
  for (const word of ['createInspectorSession', 'inspector: true', 'debug-open']) {
    expect(debug).toContain(word);
    expect(ordinary).not.toContain(word);
  }
});

/** A runner that says hello and then sends a frame of its own choice. */
async function forgingRunner(frame: object): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mag-debug-'));
  open.push({ [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) });
  await chmod(folder, 0o755);
  const file = join(folder, 'runner.mjs');
  await writeFile(
    file,
    `import { Socket } from 'node:net';
    const socket = new Socket({ fd: 3, readable: true, writable: true });
    const send = (frame) => {
      const body = Buffer.from(JSON.stringify(frame));
      const head = Buffer.alloc(4);
      head.writeUInt32BE(body.length);
      socket.write(Buffer.concat([head, body]));
    };
    socket.on('data', () => undefined);
    send({ t: 'hello', pid: process.pid, node: process.version });
    send(${JSON.stringify(frame)});`,
  );
  return file;
}
