import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/**
 * Asks one address for one path, over and over, on connections that stay open. A client of its own, as lean as it
 * gets: on a machine with few cores what the load costs is taken from who is measured, most from who uses most cores.
 */
export class HttpLoad implements AsyncDisposable {
  readonly #request: Buffer;
  readonly #connections: Connection[];

  private constructor(request: Buffer, connections: Connection[]) {
    this.#request = request;
    this.#connections = connections;
  }

  static async open(url: string, path: string, connections: number, token?: string): Promise<HttpLoad> {
    const { host, hostname, port } = new URL(url);
    const lines = [`GET ${path} HTTP/1.1`, `host: ${host}`, 'connection: keep-alive'];
    if (token !== undefined) lines.push(`authorization: Bearer ${token}`);
    const request = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
    const open = Array.from({ length: connections }, () => Connection.open(hostname, Number(port)));
    return new HttpLoad(request, await Promise.all(open));
  }

  /** Until the time is over. @returns answers in a second */
  async rate(ms: number): Promise<number> {
    const startedAt = performance.now();
    const until = startedAt + ms;
    const counts = await Promise.all(
      this.#connections.map((connection) =>
        connection.repeat(this.#request, () => performance.now() < until),
      ),
    );
    return sum(counts) / ((performance.now() - startedAt) / 1_000);
  }

  /** So many in all. */
  async send(requests: number): Promise<void> {
    let left = requests;
    await Promise.all(
      this.#connections.map((connection) => connection.repeat(this.#request, () => left-- > 0)),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection.close();
  }
}

/** One connection with one request in flight. Knows answers with a `content-length`, and only good ones. */
class Connection {
  readonly #socket: Socket;
  #missing = 0;
  /** Bytes of the answer that was looked at last. The next is one as good if it begins as well and is as long. */
  #usual = 0;
  #answered: () => void = () => undefined;
  #failed: (error: Error) => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('close', () => this.#failed(new Error('the connection was closed')));
    socket.on('error', (error) => this.#failed(error));
  }

  static async open(host: string, port: number): Promise<Connection> {
    const socket = connect(port, host);
    await once(socket, 'connect');
    return new Connection(socket);
  }

  /** @returns how many were answered */
  repeat(request: Buffer, goesOn: () => boolean): Promise<number> {
    let count = 0;
    return new Promise((resolve, reject) => {
      const next = () => (goesOn() ? void this.#socket.write(request) : resolve(count));
      this.#failed = reject;
      this.#answered = () => {
        count++;
        next();
      };
      next();
    });
  }

  close(): void {
    this.#failed = () => undefined;
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    if (this.#missing > 0) this.#missing -= chunk.length;
    else if (chunk.length !== this.#usual || !beginsWell(chunk)) {
      this.#missing = missingOf(chunk);
      this.#usual = chunk.length + this.#missing;
    }
    if (Number.isNaN(this.#missing))
      this.#failed(new Error(`not a good answer: ${chunk.toString('latin1')}`));
    else if (this.#missing === 0) this.#answered();
  }
}

/** `HTTP/1.1 200` */
function beginsWell(chunk: Buffer): boolean {
  return chunk[9] === 0x32 && chunk[10] === 0x30 && chunk[11] === 0x30;
}

/** How much of an answer is still to come after its first chunk. */
function missingOf(chunk: Buffer): number {
  const head = chunk.toString('latin1');
  const length = /^HTTP\/1\.1 200 .*?\r\ncontent-length: (\d+)\r\n/is.exec(head)?.[1];
  const end = head.indexOf('\r\n\r\n');
  return length === undefined || end === -1 ? Number.NaN : end + 4 + Number(length) - chunk.length;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
