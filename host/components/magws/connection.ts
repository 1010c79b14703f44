import { randomUUID } from 'node:crypto';
import type { WebSocket } from 'ws';
import type { RequestContext } from '../../../manifests/protocol/frames.ts';
import { Bucket } from './bucket.ts';
import { CLOSE } from './close-codes.ts';
import { parseText } from './messages.ts';
import type { Admitted, Limits, Visitor } from './ports.ts';
import type { Subscription } from './subscription.ts';

/** Sent and not taken by the client: above it nothing is added that can be had again; below it that goes on. */
const HIGH_BYTES = 1_048_576;
const LOW_BYTES = 262_144;
/** Messages of a client that wait for those before them; more are not read. */
const MAX_WAITING = 32;
const MAX_TIMER_MS = 2_147_483_647;

export interface ConnectionHandlers {
  /** Resolves with the answer, as JSON text. Never rejects. */
  answer(connection: Connection, message: unknown): Promise<string>;
  closed(connection: Connection, code: number): void;
}

/** One client: its messages are worked off one after the other, and what it does not take does not pile up. */
export class Connection {
  readonly id = randomUUID();
  readonly visitor: Visitor;
  readonly openedMs = performance.now();
  /** By channel. */
  readonly subscriptions = new Map<string, Subscription>();
  admitted: Admitted | null = null;
  readonly #socket: WebSocket;
  readonly #limits: Limits;
  readonly #handlers: ConnectionHandlers;
  readonly #bucket: Bucket;
  readonly #over = new AbortController();
  readonly #waiting: string[] = [];
  #working = false;
  #alive = true;
  /** What can be had again is left out until the client has taken what it was sent. */
  #lagging: NodeJS.Timeout | null = null;
  #taken: (() => void) | null = null;
  #expiry: NodeJS.Timeout | undefined;
  /** Why this host ended it. */
  #code: number | null = null;

  /** @param ready what is to be done before the first message */
  constructor(
    socket: WebSocket,
    visitor: Visitor,
    limits: Limits,
    handlers: ConnectionHandlers,
    ready: (connection: Connection) => Promise<void>,
  ) {
    this.visitor = visitor;
    this.#socket = socket;
    this.#limits = limits;
    this.#handlers = handlers;
    this.#bucket = new Bucket(limits.rate);
    socket.on('message', (data, isBinary) => this.#received(data as Buffer, isBinary));
    socket.on('ping', (data) => this.#pinged(data));
    socket.on('pong', () => this.#counted());
    socket.on('error', () => {}); // what the client did wrong; ws closes with the code of the protocol
    socket.on('close', (code) => this.#closed(code));
    this.#working = true;
    void ready(this).then(() => this.#work());
  }

  /** Aborted when it has ended, or is about to. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Of whom it is; `null`: of nobody who is known. */
  get context(): RequestContext | null {
    return this.admitted?.context ?? null;
  }

  admit(admitted: Admitted): void {
    this.admitted = admitted;
    clearTimeout(this.#expiry);
    if (admitted.expiresAt === null) return;
    const leftMs = admitted.expiresAt.getTime() - Date.now();
    if (leftMs > MAX_TIMER_MS) return; // the rechecks find out
    const expired = () => this.close(CLOSE.unauthenticated, 'the token has expired');
    this.#expiry = setTimeout(expired, leftMs).unref();
  }

  send(text: string): void {
    if (!this.over.aborted) this.#socket.send(text, this.#flushed);
  }

  /** Sends what the client can have again; false: it was left out, as the client takes nothing. */
  offer(frame: Buffer): boolean {
    if (this.over.aborted || this.#lagging !== null || this.#isFull()) return false;
    this.#socket.send(frame, { binary: false }, this.#flushed);
    return true;
  }

  /** Resolves when the client has taken most of what it was sent, or the connection is over. */
  async taken(): Promise<void> {
    if (!this.#isFull() || this.over.aborted) return;
    await new Promise<void>((resolve) => {
      this.#taken = resolve;
    });
  }

  /** Ends it, with a code of RFC 6455 or of ours. Idempotent. */
  close(code: number, reason: string): void {
    if (this.#code !== null) return;
    this.#code = code;
    this.#end();
    this.#socket.resume(); // for the answer to it
    this.#socket.close(code, reason);
  }

  /** Ends it now: it does not answer. */
  terminate(): void {
    this.#socket.terminate();
  }

  /** Asks whether it is there, and ends it when it did not answer the last time. */
  beat(): void {
    if (!this.#alive && !this.#working) this.terminate();
    else this.#socket.ping();
    this.#alive = false;
  }

  #received(data: Buffer, isBinary: boolean): void {
    if (this.over.aborted || !this.#counted()) return;
    if (isBinary) this.close(CLOSE.unsupported, 'only texts are taken');
    else this.#waiting.push(data.toString());
    if (this.#waiting.length >= MAX_WAITING) this.#socket.pause();
    if (!this.#working) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (let text = this.#waiting.shift(); text !== undefined; text = this.#waiting.shift()) {
      if (this.#waiting.length < MAX_WAITING / 2) this.#socket.resume();
      const parsed = parseText(text);
      if (parsed === null) this.close(CLOSE.malformed, 'not JSON, or nested too deep');
      else this.send(await this.#handlers.answer(this, parsed.value));
      await this.taken();
      if (this.over.aborted) break;
    }
    this.#working = false;
  }

  #pinged(data: Buffer): void {
    if (this.#counted() && !this.over.aborted && !this.#isFull()) this.#socket.pong(data);
  }

  /** Everything a client sends counts: what costs it nothing, too. */
  #counted(): boolean {
    this.#alive = true;
    if (this.#bucket.take()) return true;
    this.close(CLOSE.tooMany, 'too many messages');
    return false;
  }

  #isFull(): boolean {
    if (this.#lagging !== null) return true;
    if (this.#socket.bufferedAmount <= HIGH_BYTES) return false;
    const slow = () => this.close(CLOSE.slow, 'it does not take what is sent to it');
    this.#lagging = setTimeout(slow, this.#limits.slowMs).unref();
    return true;
  }

  readonly #flushed = (): void => {
    if (this.#lagging === null || this.#socket.bufferedAmount > LOW_BYTES) return;
    this.#stopLagging();
    for (const subscription of this.subscriptions.values()) subscription.resync();
  };

  #stopLagging(): void {
    if (this.#lagging !== null) clearTimeout(this.#lagging);
    this.#lagging = null;
    this.#taken?.();
    this.#taken = null;
  }

  #end(): void {
    this.#over.abort();
    clearTimeout(this.#expiry);
    this.#waiting.length = 0;
    this.#stopLagging();
  }

  #closed(code: number): void {
    this.#end();
    this.#handlers.closed(this, this.#code ?? code);
  }
}
