import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** How often connections that became idle are looked for while the host stops. */
const SWEEP_MS = 50;
/** Requests that have not ended by then are cut off. */
const DRAIN_MS = 10_000;

/**
 * Makes a server able to close soon. Node closes idle connections once: those that become idle later, and
 * those a client opened ahead and never used, would stay for a minute. Returns the way to start draining.
 */
export function prepareDrain(server: Server): () => void {
  const unused = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  server.on('request', ({ socket }) => unused.delete(socket));
  return () => {
    if (!server.listening) return;
    const sweeper = setInterval(() => {
      for (const socket of unused) socket.destroy();
      server.closeIdleConnections();
    }, SWEEP_MS).unref();
    const deadline = setTimeout(() => server.closeAllConnections(), DRAIN_MS).unref();
    server.once('close', () => {
      clearInterval(sweeper);
      clearTimeout(deadline);
    });
  };
}
