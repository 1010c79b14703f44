import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createSocketServer, type Server, type Socket } from 'node:net';

/** A server on a loopback port of its own. */
export interface LocalServer extends AsyncDisposable {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  readonly port: number;
  /** Sockets that were opened to it. */
  readonly sockets: Socket[];
}

export function startHttpServer(listener: RequestListener): Promise<LocalServer> {
  return listen(createServer(listener));
}

/** Answers with bytes of its own making, whatever HTTP says. */
export function startRawServer(onSocket: (socket: Socket) => void): Promise<LocalServer> {
  return listen(createSocketServer(onSocket));
}

async function listen(server: Server): Promise<LocalServer> {
  const sockets: Socket[] = [];
  server.on('connection', (socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined); // the client may hang up at any time
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
