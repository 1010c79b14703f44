import { Socket } from 'node:net';
import { CELL_EXIT } from '../../manifests/protocol/cell-exit.ts';
import { FrameDecoder } from '../../manifests/protocol/codec.ts';
import { ReceiveCredit, SendCredit, takesCredit } from '../../manifests/protocol/credit.ts';
import type { HostFrame } from '../../manifests/protocol/frames.ts';
import { HEARTBEAT_MS } from '../../manifests/protocol/limits.ts';
import { endProcess } from './end-process.ts';
import { Outbox } from './outbox.ts';
import { Session } from './session.ts';
import { leaveSignalsToHost } from './signals.ts';

/** The one inherited descriptor: the channel to the host. */
const CHANNEL_FD = 3;
/** Milliseconds that the last frames get to leave: behind megabytes of log lines, to a host that is busy. */
const FLUSH_MS = 1_000;

/** The program of a cell: `node runner.mjs <path of isolated-vm's native module> <megabytes of the isolate>`. */
function main(addonPath: string, memoryMb: number): void {
  const socket = new Socket({ fd: CHANNEL_FD, readable: true, writable: true });
  const outbox = new Outbox(socket, new SendCredit());
  const received = new ReceiveCredit();
  const session = new Session({ addonPath, memoryMb }, outbox, leave);
  // The host is trusted: its frames need no closed schema, only to be frames.
  const decoder = new FrameDecoder<HostFrame>((value) => value as HostFrame);
  let leaving = false;

  function handle(frame: HostFrame, bytes: number): void {
    if (leaving) return;
    if (!takesCredit(frame)) {
      session.handle(frame);
      return;
    }
    received.received(bytes);
    session.handle(frame);
    const portion = received.done(bytes);
    if (portion > 0) outbox.send({ t: 'credit', bytes: portion });
  }

  function leave(code: number): void {
    if (leaving) return;
    leaving = true;
    outbox.end(() => endProcess(code));
    setTimeout(() => endProcess(code), FLUSH_MS);
  }

  socket.on('data', (chunk: Buffer) => {
    if (leaving) return;
    try {
      decoder.push(chunk, handle);
      session.acknowledge();
    } catch (error) {
      process.stderr.write(`${error}\n`);
      leave(CELL_EXIT.protocol);
    }
  });
  // A cell dies with its host.
  for (const end of ['end', 'close', 'error']) {
    socket.on(end, () => {
      if (!leaving) process.exit(CELL_EXIT.stopped);
    });
  }
  setInterval(() => session.beat(), HEARTBEAT_MS);
  outbox.send({ t: 'hello', pid: process.pid, node: process.version });
}

leaveSignalsToHost();
process.on('uncaughtException', (error) => {
  process.stderr.write(`${error.stack ?? error.message}\n`);
  process.exit(CELL_EXIT.fault);
});
main(process.argv[2] ?? '', Number(process.argv[3]));
