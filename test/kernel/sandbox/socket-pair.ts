import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SocketPair extends AsyncDisposable {
  /** The end the host has. */
  readonly host: Socket;
  /** The end a cell has; what is not listened to is not read. */
  readonly cell: Socket;
}

/** Two ends of a real socket of the system, as between a host and a cell. */
export async function openSocketPair(): Promise<SocketPair> {
  const folder = await mkdtemp(join(tmpdir(), 'magflock-pair-'));
  const path = join(folder, 'socket');
  const accepted = Promise.withResolvers<Socket>();
  const server = createServer((socket) => accepted.resolve(socket));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const cell = connect(path);
  const host = await accepted.promise;
  for (const socket of [host, cell]) socket.on('error', () => undefined);
  return {
    host,
    cell,
    async [Symbol.asyncDispose]() {
      host.destroy();
      cell.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}
