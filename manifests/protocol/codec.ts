import { type JsonBounds, outOfBounds } from './json-bounds.ts';
import { MAX_FRAME_BYTES } from './limits.ts';

/**
 * What arrived is no frame of this protocol. The host kills the cell that sent it; a cell that meets one
 * ends itself.
 */
export class ProtocolError extends Error {
  readonly code = 'E_PROTOCOL';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ProtocolError';
  }
}

/** Bytes of the big-endian length in front of every frame. */
const HEADER_BYTES = 4;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * A frame as bytes: four bytes of length, then JSON. `null` when it is longer than `MAX_FRAME_BYTES`: texts
 * inside a frame are escaped, so only the encoded length decides.
 */
export function encodeFrame(frame: object): Uint8Array | null {
  const text = JSON.stringify(frame);
  const length = Buffer.byteLength(text);
  if (length > MAX_FRAME_BYTES) return null;
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + length);
  bytes.writeUInt32BE(length);
  bytes.write(text, HEADER_BYTES);
  return bytes;
}

/** Takes bytes in any slicing and hands on whole frames. After it threw once it must not be used again. */
export class FrameDecoder<Frame> {
  readonly #check: (value: unknown) => Frame;
  readonly #bounds: JsonBounds | null;
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerFilled = 0;
  #body: Uint8Array | null = null;
  #bodyFilled = 0;

  /**
   * @param check turns parsed JSON into a frame or throws
   * @param bounds what the JSON of a frame may look like; looked at before it is parsed
   */
  constructor(check: (value: unknown) => Frame, bounds: JsonBounds | null = null) {
    this.#check = check;
    this.#bounds = bounds;
  }

  /**
   * Calls back for every frame that is complete now, in order, with the bytes it took.
   * @throws ProtocolError for a length over `MAX_FRAME_BYTES` (before a byte of it is kept), for anything that
   * is not UTF-8 JSON, and whatever `check` throws
   */
  push(chunk: Uint8Array, onFrame: (frame: Frame, bytes: number) => void): void {
    let at = 0;
    while (at < chunk.length) at = this.step(chunk, at, onFrame);
  }

  /**
   * As `push`, but for one frame at most, from a place in the chunk on.
   * @returns where to go on
   */
  step(chunk: Uint8Array, from: number, onFrame: (frame: Frame, bytes: number) => void): number {
    if (this.#headerFilled === 0 && chunk.length - from >= HEADER_BYTES) {
      const start = from + HEADER_BYTES;
      const end = start + checkedLength(readLength(chunk, from));
      // Most frames lie in one chunk: they are read where they are.
      if (end <= chunk.length) {
        this.#hand(chunk.subarray(start, end), onFrame);
        return end;
      }
    }
    const taken =
      this.#body === null ? this.#takeHeader(chunk, from) : this.#takeBody(this.#body, chunk, from);
    if (this.#body !== null && this.#bodyFilled === this.#body.length) {
      const body = this.#body;
      this.#body = null;
      this.#headerFilled = 0;
      this.#hand(body, onFrame);
    }
    return from + taken;
  }

  #hand(body: Uint8Array, onFrame: (frame: Frame, bytes: number) => void): void {
    onFrame(this.#check(parse(body, this.#bounds)), HEADER_BYTES + body.length);
  }

  #takeHeader(chunk: Uint8Array, at: number): number {
    const part = chunk.subarray(at, at + HEADER_BYTES - this.#headerFilled);
    this.#header.set(part, this.#headerFilled);
    this.#headerFilled += part.length;
    if (this.#headerFilled === HEADER_BYTES) {
      this.#body = new Uint8Array(checkedLength(readLength(this.#header, 0)));
      this.#bodyFilled = 0;
    }
    return part.length;
  }

  #takeBody(body: Uint8Array, chunk: Uint8Array, at: number): number {
    const part = chunk.subarray(at, at + body.length - this.#bodyFilled);
    body.set(part, this.#bodyFilled);
    this.#bodyFilled += part.length;
    return part.length;
  }
}

function readLength(bytes: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

function checkedLength(length: number): number {
  if (length > 0 && length <= MAX_FRAME_BYTES) return length;
  throw new ProtocolError(`a frame of ${length} bytes; allowed are 1 to ${MAX_FRAME_BYTES}`);
}

function parse(body: Uint8Array, bounds: JsonBounds | null): unknown {
  try {
    const text = decoder.decode(body);
    if (bounds === null || outOfBounds(text, bounds) === null) return JSON.parse(text);
  } catch (cause) {
    throw new ProtocolError('a frame is not UTF-8 JSON', { cause });
  }
  throw new ProtocolError('a frame of no known form');
}
