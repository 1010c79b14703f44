import type { Debugger } from '../../../../../host/cli/dev/debugger/debugger.ts';

interface ProtocolMessage {
  readonly id?: number;
  readonly method?: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly params?: any;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly result?: any;
}

/** The least a client of the DevTools protocol does, over whatever carries its messages. */
export class DebugClient {
  readonly #send: (text: string) => void;
  readonly #cutOff = Promise.withResolvers<never>();
  readonly #answers = new Map<number, (message: ProtocolMessage) => void>();
  readonly #seen: ProtocolMessage[] = [];
  #onNotification: () => void = () => undefined;
  #lastId = 0;

  constructor(send: (text: string) => void) {
    this.#send = send;
    this.#cutOff.promise.catch(() => undefined);
  }

  /** What still waits fails. */
  cutOff(): void {
    this.#cutOff.reject(new Error('the debugger was cut off'));
  }

  receive(text: string): void {
    const message = JSON.parse(text) as ProtocolMessage;
    if (message.id !== undefined) {
      this.#answers.get(message.id)?.(message);
      return;
    }
    this.#seen.push(message);
    this.#onNotification();
  }

  /** Resolves with the result. */
  // biome-ignore lint/suspicious/noExplicitAny: see above
  async call(method: string, params: object = {}): Promise<any> {
    const id = ++this.#lastId;
    const answered = new Promise<ProtocolMessage>((resolve) => this.#answers.set(id, resolve));
    this.#send(JSON.stringify({ id, method, params }));
    const message = await Promise.race([answered, this.#cutOff.promise]);
    if (message.result === undefined) throw new Error(`${method}: ${JSON.stringify(message)}`);
    return message.result;
  }

  /** The parameters of a notification that came or comes; each is handed out once. */
  // biome-ignore lint/suspicious/noExplicitAny: see above
  async next(method: string, fits: (params: any) => boolean = () => true): Promise<any> {
    for (;;) {
      const at = this.#seen.findIndex((message) => message.method === method && fits(message.params));
      if (at >= 0) return this.#seen.splice(at, 1)[0]?.params;
      const news = new Promise<void>((resolve) => {
        this.#onNotification = resolve;
      });
      await Promise.race([news, this.#cutOff.promise]);
    }
  }
}

export function connectClient(target: Debugger): {
  client: DebugClient;
  closed: Promise<void>;
  close(): void;
} {
  const closed = Promise.withResolvers<void>();
  const connection = target.connect({
    onMessage: (text) => client.receive(text),
    onClose: () => {
      closed.resolve();
      client.cutOff();
    },
  });
  if (connection === null) throw new Error('no cell to connect to');
  const client = new DebugClient((text) => connection.send(text));
  return { client, closed: closed.promise, close: () => connection.close() };
}
