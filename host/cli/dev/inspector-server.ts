import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import { MagError } from '../../../kernel/errors.ts';
import type { Debugger } from './debugger/debugger.ts';

export interface InspectorOptions {
  /** 0: any free one. */
  readonly port: number;
  /** What a debugger shows. */
  readonly title: string;
}

/** Where debuggers connect, on this machine only. */
export interface InspectorServer extends AsyncDisposable {
  readonly port: number;
  /** `ws://127.0.0.1:<port>/<token>`; whoever knows it controls the extension. */
  readonly url: string;
  /** Opens the DevTools of Chrome. */
  readonly devtoolsUrl: string;
}

const LOOPBACK = '127.0.0.1';
const MAX_MESSAGE_BYTES = 64 * 1_048_576;
/** "Try again later": no cell runs now. */
const NO_CELL = 1_013;
const CELL_GONE = 1_001;

/**
 * Serves the DevTools protocol over WebSocket at a path nobody can guess, and the lists at `/json` with which
 * Chrome and editors find that path.
 * @throws `E_CONFIG` when the port is in use
 */
export async function openInspector(target: Debugger, options: InspectorOptions): Promise<InspectorServer> {
  const token = randomUUID();
  const server = createServer((request, response) => answer(request, response, lists));
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES });
  server.on('upgrade', (request, socket, head) => {
    if (isLocal(request) && request.url === `/${token}`) {
      sockets.handleUpgrade(request, socket, head, (client) => serve(client, target));
    } else {
      socket.destroy();
    }
  });
  const port = await listen(server, options.port);
  const lists = describe(options.title, token, port);
  return {
    port,
    url: lists.list[0].webSocketDebuggerUrl,
    devtoolsUrl: lists.list[0].devtoolsFrontendUrl,
    async [Symbol.asyncDispose]() {
      for (const client of sockets.clients) client.terminate();
      server.closeAllConnections();
      server.close();
      if (server.listening) await once(server, 'close');
    },
  };
}

function describe(title: string, token: string, port: number) {
  const address = `${LOOPBACK}:${port}/${token}`;
  const entry = {
    description: 'MagFlock extension',
    devtoolsFrontendUrl: `devtools://devtools/bundled/js_app.html?experiments=true&v8only=true&ws=${address}`,
    id: token,
    title,
    type: 'node',
    url: 'file://',
    webSocketDebuggerUrl: `ws://${address}`,
  };
  return { list: [entry] as const, version: { Browser: 'MagFlock/1.0', 'Protocol-Version': '1.3' } };
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { list, version }: ReturnType<typeof describe>,
): void {
  const path = request.url?.replace(/[?].*$/, '').replace(/\/$/, '');
  const body = path === '/json' || path === '/json/list' ? list : path === '/json/version' ? version : null;
  if (body === null || !isLocal(request)) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'content-type': 'application/json; charset=UTF-8' }).end(JSON.stringify(body));
}

/** A web page can have its own name resolve to this machine; the name it asked for gives it away. */
function isLocal({ headers }: IncomingMessage): boolean {
  return /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(headers.host ?? '');
}

function serve(client: WebSocket, target: Debugger): void {
  const connection = target.connect({
    onMessage: (message) => client.send(message),
    onClose: () => client.close(CELL_GONE, 'the extension ended'),
  });
  if (connection === null) {
    client.close(NO_CELL, 'the extension does not run');
    return;
  }
  client.on('message', (message) => connection.send(message.toString()));
  client.on('close', () => connection.close());
  client.on('error', () => connection.close());
}

async function listen(server: Server, port: number): Promise<number> {
  try {
    server.listen({ host: LOOPBACK, port, exclusive: true });
    await once(server, 'listening');
  } catch (cause) {
    throw new MagError('E_CONFIG', `${LOOPBACK} port ${port} cannot be listened on; name another one`, {
      cause,
    });
  }
  const address = server.address();
  if (address === null || typeof address === 'string') throw new MagError('E_CONFIG', 'no port was given');
  return address.port;
}
