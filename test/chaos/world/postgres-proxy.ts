import { createServer, type Server, Socket } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';

/** What a statement that changed something is acknowledged with. */
const WRITE = /^(INSERT|UPDATE|DELETE|MERGE|CREATE|DROP|ALTER|GRANT|REVOKE|COMMIT|TRUNCATE)/;
const NONE = /(?!)/;
/** What a host writes in the background, whatever it is doing. */
const BACKGROUND = /mag\.hosts SET beat|INTO mag\.logs|INTO mag\.health|pg_notify|mag\.grants AS held/;

/**
 * Stands between a host and its Postgres and sees every statement that is acknowledged: it can kill the host
 * behind the n-th write, before or after the host hears of it.
 */
export class PostgresProxy implements AsyncDisposable {
  readonly url: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #left = Number.POSITIVE_INFINITY;
  #isAway = false;
  #functions = NONE;
  #onWrite: (statement: string) => void = () => undefined;
  /** The statements that were counted since it was armed. */
  readonly writes: string[] = [];

  readonly #target: pg.Client;

  private constructor(url: string, server: Server, target: pg.Client) {
    this.url = url;
    this.#server = server;
    this.#target = target;
  }

  static async open(target: string): Promise<PostgresProxy> {
    const at = new pg.Client({ connectionString: target });
    const { user, password, database } = at;
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const account = `${encodeURIComponent(user ?? '')}:${encodeURIComponent(String(password ?? ''))}`;
    const url = `postgresql://${account}@127.0.0.1:${address.port}/${database}`;
    const proxy = new PostgresProxy(url, server, at);
    server.on('connection', (client) => {
      if (proxy.#isAway) {
        client.destroy();
        return;
      }
      const { host, port } = proxy.#target;
      const path = host.startsWith('/') ? { path: join(host, `.s.PGSQL.${port}`) } : { host, port };
      proxy.#join(client, new Socket().connect(path));
    });
    return proxy;
  }

  /**
   * From now on the n-th write calls back, before its acknowledgement is passed on.
   * @param functions names of functions that write: a SELECT of theirs counts too
   */
  arm(n: number, onWrite: (statement: string) => void, functions: RegExp = NONE): void {
    this.writes.length = 0;
    this.#functions = functions;
    this.#left = n;
    this.#onWrite = onWrite;
  }

  disarm(): void {
    this.#left = Number.POSITIVE_INFINITY;
  }

  /** Breaks every connection and refuses new ones for a while, as a server does that is started again. */
  breakFor(ms: number): void {
    this.#isAway = true;
    for (const socket of this.#sockets) socket.destroy();
    setTimeout(() => {
      this.#isAway = false;
    }, ms);
  }

  #join(client: Socket, server: Socket): void {
    let statement = '';
    const front = new Messages(true, (type, body) => {
      if (type === 'Q') statement = textOf(body, 0);
      if (type === 'P') statement = textOf(body, body.indexOf(0) + 1);
    });
    const back = new Messages(false, (type, body) => {
      if (type === 'C') this.#acknowledged(textOf(body, 0), statement);
    });
    for (const [from, to, messages] of [
      [client, server, front],
      [server, client, back],
    ] as const) {
      this.#sockets.add(from);
      from.on('data', (chunk) => {
        messages.push(chunk);
        to.write(chunk);
      });
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }

  #acknowledged(tag: string, statement: string): void {
    const isWrite = WRITE.test(tag) || this.#functions.test(statement);
    if (!isWrite || BACKGROUND.test(statement)) return;
    if (this.#left === Number.POSITIVE_INFINITY) return;
    this.writes.push(`${tag}: ${statement.replaceAll(/\s+/g, ' ').slice(0, 120)}`);
    this.#left--;
    if (this.#left === 0) this.#onWrite(this.writes.at(-1) ?? '');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Cuts one direction of a connection into its messages: type, length, body. */
class Messages {
  readonly #onMessage: (type: string, body: Buffer) => void;
  #rest = Buffer.alloc(0);
  /** The first message of a client has no type. */
  #isUntyped: boolean;

  constructor(isUntyped: boolean, onMessage: (type: string, body: Buffer) => void) {
    this.#isUntyped = isUntyped;
    this.#onMessage = onMessage;
  }

  push(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const head = this.#isUntyped ? 0 : 1;
      if (this.#rest.length < head + 4) return;
      const end = head + this.#rest.readUInt32BE(head);
      if (this.#rest.length < end) return;
      const type = this.#isUntyped ? '' : String.fromCharCode(this.#rest[0] ?? 0);
      this.#onMessage(type, this.#rest.subarray(head + 4, end));
      this.#rest = this.#rest.subarray(end);
      this.#isUntyped = false;
    }
  }
}

function textOf(body: Buffer, from: number): string {
  const end = body.indexOf(0, from);
  return body.toString('utf8', from, end < 0 ? body.length : end);
}
