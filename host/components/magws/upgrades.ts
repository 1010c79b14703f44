import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import { traceIdFrom } from '../maggate/trace.ts';
import type { Visitor } from './ports.ts';

/** Of one message of a client, fragments together. */
const MAX_MESSAGE_BYTES = 131_072;
const MAX_FRAGMENTS = 1_024;
/** How long a client may take to answer a close. */
const CLOSE_MS = 2_000;
const BEARER = /^bearer +([\x21-\x7e]+) *$/i;
/** In `Sec-WebSocket-Protocol`, the only header that a page in a browser may set: `bearer.<token>`, or the token. */
const PROTOCOL_TOKEN = /^(?:bearer\.(.+)|(mag[a-z]*_[0-9A-Za-z_]+))$/;

/** A connection that was just made, and what it says of itself. */
export interface Upgrade {
  readonly visitor: Visitor;
  readonly token: string | null;
  /** That its address names: `/ws?tenant=t_acme`. */
  readonly tenant: string | undefined;
  readonly origin: string | undefined;
  readonly host: string | undefined;
}

/** Whether a request is one for a connection: the others are answered like any request. */
export function isUpgrade({ url = '', headers }: IncomingMessage): boolean {
  return /^\/ws(?:\?|$)/.test(url) && headers.upgrade?.toLowerCase() === 'websocket';
}

export function acceptUpgrades(
  server: Server,
  mayCome: () => boolean,
  accept: (socket: WebSocket, upgrade: Upgrade) => void,
): void {
  // Their types know less than the library.
  const options: ServerOptions & { maxFragments: number; maxBufferedChunks: number; closeTimeout: number } = {
    noServer: true,
    clientTracking: false,
    maxPayload: MAX_MESSAGE_BYTES,
    maxFragments: MAX_FRAGMENTS,
    maxBufferedChunks: MAX_FRAGMENTS,
    closeTimeout: CLOSE_MS,
    autoPong: false,
    perMessageDeflate: false,
    handleProtocols: (protocols) =>
      [...protocols].find((name) => !PROTOCOL_TOKEN.test(name)) ?? first(protocols),
  };
  const sockets = new WebSocketServer(options);
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (!mayCome()) {
      socket.end(
        'HTTP/1.1 503 Service Unavailable\r\nretry-after: 10\r\nconnection: close\r\ncontent-length: 0\r\n\r\n',
      );
      return;
    }
    const upgrade = upgradeOf(request);
    sockets.handleUpgrade(request, socket, head, (made) => accept(made, upgrade));
  });
}

/** A client that offers nothing but its token gets it back: without an answer it would hang up. */
function first(protocols: ReadonlySet<string>): string | false {
  const [name] = protocols;
  return name ?? false;
}

/** A page of this host, one that the operator trusts, or no page at all: who is no browser sends no origin. */
export function isOwnOrigin(
  origin: string | undefined,
  host: string | undefined,
  allowed: readonly string[],
): boolean {
  if (origin === undefined || allowed.includes('*') || allowed.includes(origin)) return true;
  return URL.canParse(origin) && host !== undefined && new URL(origin).host === host.toLowerCase();
}

function upgradeOf({ headers, url = '', socket }: IncomingMessage): Upgrade {
  const { host, origin } = headers;
  const tenant = new URLSearchParams(url.split('?')[1] ?? '').get('tenant') ?? undefined;
  // What a connection keeps of its request: it may last for days.
  const kept = Object.fromEntries(
    Object.entries(headers).filter(([name]) => name.startsWith('x-') && name.endsWith('-id')),
  );
  if (headers['x-env'] !== undefined) kept['x-env'] = headers['x-env'];
  const address = socket.remoteAddress ?? '';
  const visitor = { headers: kept, address, traceId: traceIdFrom(headers.traceparent) };
  return { visitor, token: tokenOf(headers), tenant, origin, host };
}

function tokenOf(headers: IncomingMessage['headers']): string | null {
  const bearer = BEARER.exec(headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return bearer;
  const offered = (headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map((name) => PROTOCOL_TOKEN.exec(name.trim()));
  const [found] = offered.filter((match) => match !== null);
  return found?.[1] ?? found?.[2] ?? null;
}
