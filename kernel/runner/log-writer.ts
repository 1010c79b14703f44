import type { LogLevel } from '../../manifests/protocol/frames.ts';
import { MAX_LOG_BYTES, MAX_LOGS_PER_SECOND } from '../../manifests/protocol/limits.ts';
import type { Outbox } from './outbox.ts';

/** Sends log lines: so many in a second, the rest counted, each cut to its size in bytes. */
export class LogWriter {
  readonly #outbox: Pick<Outbox, 'send' | 'isHeldUp'>;
  readonly #now: () => number;
  #windowStart = Number.NEGATIVE_INFINITY;
  #passed = 0;
  #dropped = 0;

  /** @param now milliseconds of any monotonic clock */
  constructor(outbox: Pick<Outbox, 'send' | 'isHeldUp'>, now: () => number = () => performance.now()) {
    this.#outbox = outbox;
    this.#now = now;
  }

  write(call: number, level: LogLevel, message: string, fields: string): void {
    if (!this.#admit()) {
      this.#dropped++;
      return;
    }
    const whole = Buffer.byteLength(fields) <= MAX_LOG_BYTES ? fields : '{"truncated":true}';
    this.#outbox.send({ t: 'log', level, message: cutBytes(message), fields: whole, call });
  }

  /** One line that says how many were dropped since the last such line. */
  reportDropped(): void {
    if (this.#dropped === 0 || this.#outbox.isHeldUp) return;
    const fields = JSON.stringify({ dropped: this.#dropped });
    this.#outbox.send({ t: 'refused', what: 'logs', count: this.#dropped });
    this.#dropped = 0;
    this.#outbox.send({
      t: 'log',
      level: 'warn',
      message: 'too many log lines: some were dropped',
      fields,
      call: 0,
    });
  }

  #admit(): boolean {
    const now = this.#now();
    if (now - this.#windowStart >= 1_000) {
      this.#windowStart = now;
      this.#passed = 0;
    }
    return this.#passed++ < MAX_LOGS_PER_SECOND && !this.#outbox.isHeldUp;
  }
}

/** Cuts text to so many bytes of UTF-8, never inside a character. */
function cutBytes(text: string): string {
  if (Buffer.byteLength(text) <= MAX_LOG_BYTES) return text;
  const bytes = Buffer.from(text);
  let end = MAX_LOG_BYTES;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}
