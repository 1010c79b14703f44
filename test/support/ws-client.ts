import { WebSocket } from 'ws';
import { until } from './host.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into messages of every shape
type Message = any;

export interface ClientOptions {
  /** By the header that programs send. */
  readonly token?: string;
  readonly protocols?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: string;
}

/** A stock client of `/ws` that keeps what it hears. */
export class WsClient implements AsyncDisposable {
  readonly socket: WebSocket;
  readonly heard: Message[] = [];
  /** Resolves with the code and the reason when it has ended. */
  readonly closed: Promise<{ code: number; reason: string }>;
  #next = 0;

  constructor(url: string, { token, protocols = [], headers = {}, query = '' }: ClientOptions = {}) {
    const address = `${url.replace('http', 'ws')}/ws${query}`;
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    this.socket = new WebSocket(address, [...protocols], { headers: { ...authorization, ...headers } });
    this.socket.on('message', (data) => this.heard.push(JSON.parse(String(data))));
    this.socket.on('error', () => {}); // told by `closed`
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }));
    });
  }

  static async open(url: string, options: ClientOptions = {}): Promise<WsClient> {
    const client = new WsClient(url, options);
    await new Promise<void>((resolve, reject) => {
      client.socket.once('open', resolve);
      client.socket.once('error', reject);
    });
    return client;
  }

  /** Asks, and resolves with the answer. */
  async ask(message: object): Promise<Message> {
    const id = `m${this.#next++}`;
    this.socket.send(JSON.stringify({ ...message, id }));
    return this.next((heard) => heard.id === id);
  }

  /** The first message like that, heard or to come. */
  async next(like: (message: Message) => boolean): Promise<Message> {
    await until(
      async () => this.heard.find(like) ?? this.socket.readyState === WebSocket.CLOSED,
      (found) => found !== false,
    ).catch(() => {
      throw new Error(`never heard; it heard ${JSON.stringify(this.heard.slice(-5))}`);
    });
    const found = this.heard.find(like);
    if (found === undefined) throw new Error(`closed: ${JSON.stringify(await this.closed)}`);
    return found;
  }

  of(type: string): Message[] {
    return this.heard.filter((message) => message.type === type);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.terminate();
    await this.closed;
  }
}
