import { Socket } from 'node:net';
import { CELL_EXIT } from '../../manifests/protocol/cell-exit.ts';
import { encodeFrame, FrameDecoder } from '../../manifests/protocol/codec.ts';
import type { HostDebugFrame } from '../../manifests/protocol/debug-frame.ts';
import type { HostFrame } from '../../manifests/protocol/frames.ts';
import { HEARTBEAT_MS } from '../../manifests/protocol/limits.ts';
import { DebuggedExtension } from './debug-session.ts';
import { Outbox } from './outbox.ts';
import { leaveSignalsToHost } from './signals.ts';

/** The one inherited descriptor: the channel to the host. */
const CHANNEL_FD = 3;
/** From this the host reads why (`kernel/sandbox/death.ts`). */
const LAST_WORDS = 'the isolate is out of memory\n';

/**
 * The program of a cell in debug mode: `node debug-runner.mjs`, with the arguments of the other one. It is a program of
 * its own, bundled and started by the author tools only (`kernel/sandbox/debug-sandbox.ts`).
 */
function main(addonPath: string, memoryMb: number): void {
  const socket = new Socket({ fd: CHANNEL_FD, readable: true, writable: true });
  const outbox = new Outbox(socket);
  let leaving = false;
  const extension = new DebuggedExtension({
    addonPath,
    memoryMb,
    outbox,
    sendDebug: (frame) => {
      const bytes = encodeFrame(frame);
      if (bytes === null) return; // cannot be: messages are cut to fit
      outbox.flush(); // what was said before arrives before
      socket.write(bytes);
    },
    exit: (code) => {
      leaving = true;
      if (code === CELL_EXIT.memory) process.stderr.write(LAST_WORDS);
      outbox.flush();
      socket.end(die);
    },
  });
  const decoder = new FrameDecoder<HostFrame | HostDebugFrame>((value) => value as HostFrame);
  socket.on('data', (chunk: Buffer) => decoder.push(chunk, (frame) => extension.handle(frame)));
  // A cell dies with its host.
  for (const end of ['end', 'close', 'error']) socket.on(end, () => leaving || die());
  setInterval(() => void extension.beat(), HEARTBEAT_MS);
  outbox.send({ t: 'hello', pid: process.pid, node: process.version });
}

/** An orderly exit would wait for a guest that a breakpoint holds, and for an isolate a debugger looks into. */
function die(): void {
  process.kill(process.pid, 'SIGKILL');
}

leaveSignalsToHost();
process.on('uncaughtException', (error) => {
  process.stderr.write(`${error.stack ?? error.message}\n`);
  process.exit(CELL_EXIT.fault);
});
main(process.argv[2] ?? '', Number(process.argv[3]));
