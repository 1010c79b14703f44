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
  // By the address of the other end: with TLS, a request has another socket than its connection.
  const unused = new Map<string, Socket>();
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket);
    unused.set(peer, socket);
    socket.once('close', () => {
      if (unused.get(peer) === socket) unused.delete(peer);
    });
  });
  server.on('request', ({ socket }) => {
    // Of a connection that is kept, each request comes by here.
    if (unused.size > 0) unused.delete(peerOf(socket));
  });
  return () => {
    if (!server.listening) return;
    const sweeper = setInterval(() => {
      for (const socket of unused.values()) socket.destroy();
      server.closeIdleConnections();
    }, SWEEP_MS).unref();
    const deadline = setTimeout(() => server.closeAllConnections(), DRAIN_MS).unref();
    server.once('close', () => {
      clearInterval(sweeper);
      clearTimeout(deadline);
    });
  };
}

/** The same for a server that nobody else closes. Returns the way to close it, which resolves when it is. */
export function prepareClose(server: Server): () => Promise<void> {
  const drain = prepareDrain(server);
  return async () => {
    if (!server.listening) return;
    drain();
    await new Promise((resolve) => server.close(resolve));
  };
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
