import type { Json } from '../../manifests/json.ts';
import type { StreamPiece } from '../../manifests/protocol/frames.ts';
import { MAX_STREAM_MS } from '../../manifests/protocol/limits.ts';
import { MagError, toMagError } from '../errors.ts';
import type { GuestStream, InvokeOptions } from './cell.ts';
import { protocolBroken } from './cell-errors.ts';
import { invokeIn } from './invoke-in.ts';
import type { RunningCell } from './running-cell.ts';

type Cell = Pick<RunningCell, 'call' | 'kill' | 'hold' | 'gone'>;

/** Each piece may cost what a call may: `deadlineMs` and `cpuMs` are for one. */
export interface StreamOptions extends Pick<InvokeOptions, 'request' | 'deadlineMs' | 'cpuMs'> {
  /** Default `MAX_STREAM_MS`. */
  readonly maxMs?: number;
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * The stream that the answer of an endpoint names, if it names one.
 * @param onFailure a piece did not come, and the extension is to blame
 */
export function openStream(
  cell: Cell,
  answer: Json,
  options: StreamOptions,
  onFailure: (error: MagError) => void,
): GuestStream | null {
  if (answer === null || typeof answer !== 'object' || Array.isArray(answer)) return null;
  const { stream } = answer;
  if (typeof stream !== 'number' || !Number.isSafeInteger(stream) || stream < 1) return null;
  return new CellStream(cell, String(stream), options, onFailure);
}

/**
 * A body that is asked for piece by piece, of the cell that has it. Each piece is a call with budgets of its own, so
 * a client that does not read keeps the extension waiting and costs nothing.
 */
class CellStream implements GuestStream {
  readonly #cell: Cell;
  readonly #name: string;
  readonly #options: StreamOptions;
  readonly #onFailure: (error: MagError) => void;
  readonly #ending = new AbortController();
  readonly #over = Promise.withResolvers<void>();
  readonly #release: () => void;
  readonly #timer: NodeJS.Timeout;
  #isOver = false;

  constructor(cell: Cell, name: string, options: StreamOptions, onFailure: (error: MagError) => void) {
    this.#cell = cell;
    this.#name = name;
    this.#options = options;
    this.#onFailure = onFailure;
    this.#release = cell.hold();
    const { maxMs = MAX_STREAM_MS } = options;
    const late = new MagError('E_LIMIT_WALL', `a stream of more than ${maxMs / 1_000} s was cut`);
    this.#timer = setTimeout(() => this.end(late), maxMs).unref();
    if (cell.gone.aborted) this.#onGone();
    else cell.gone.addEventListener('abort', this.#onGone, { once: true });
  }

  get ended(): AbortSignal {
    return this.#ending.signal;
  }

  get over(): Promise<void> {
    return this.#over.promise;
  }

  async next(): Promise<Uint8Array | null> {
    this.ended.throwIfAborted();
    if (this.#isOver) return null;
    try {
      const piece = this.#read(await this.#ask(null));
      if (piece === null) this.#complete();
      return piece;
    } catch (thrown) {
      if (this.ended.aborted) throw this.ended.reason;
      const error = toMagError(thrown, 'E_EXTENSION');
      this.#onFailure(error);
      this.end(error);
      throw error;
    }
  }

  end(reason: MagError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ending.abort(reason);
    // What it still has to do is its own matter; the cell is kept for it.
    const told = this.#cell.gone.aborted ? Promise.resolve(null) : this.#ask('end');
    void told.catch(() => undefined).then(this.#release);
    this.#finish();
  }

  #ask(payload: null | 'end'): Promise<Json> {
    const { request, deadlineMs, cpuMs } = this.#options;
    const options = { request, deadlineMs, cpuMs };
    return invokeIn(this.#cell, { kind: 'stream', name: this.#name }, payload, {
      ...options,
      ...(payload === null ? { signal: this.ended } : { isCutShort: true }),
    });
  }

  /** Only the program of the cell makes pieces: one that is none shows that it was taken over. */
  #read(answer: Json): Uint8Array | null {
    const piece = answer as Partial<Record<'text' | 'bytes' | 'done', unknown>> & Partial<StreamPiece>;
    if (piece?.done === true) return null;
    if (typeof piece?.text === 'string') return Buffer.from(piece.text);
    const { bytes } = piece ?? {};
    if (typeof bytes === 'string' && BASE64.test(bytes)) return Buffer.from(bytes, 'base64');
    const error = protocolBroken(new Error('a piece of a stream is none'));
    this.#cell.kill(error);
    throw error;
  }

  readonly #onGone = (): void => this.end(toMagError(this.#cell.gone.reason, 'E_CELL_LOST'));

  #complete(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#release();
    this.#finish();
  }

  #finish(): void {
    clearTimeout(this.#timer);
    this.#cell.gone.removeEventListener('abort', this.#onGone);
    this.#over.resolve();
  }
}
