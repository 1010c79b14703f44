import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib';
import { MagError } from '../../kernel/errors.ts';

/** Largest response body, on the wire and unpacked: as base64 it still fits a frame. */
export const MAX_BODY_BYTES = 700_000;

/** What the host asks for, and can undo. */
export const ACCEPTED_ENCODINGS = 'gzip, deflate, br';

// A cap on what comes out, not on the ratio: repetitive JSON rightly shrinks a hundredfold, and a bomb of any
// ratio ends at the same 700 kB, which is all that is ever kept.
const LIMIT = { maxOutputLength: MAX_BODY_BYTES };
const unpackGzip = promisify<Buffer, typeof LIMIT, Buffer>(gunzip);
const unpackZlib = promisify<Buffer, typeof LIMIT, Buffer>(inflate);
const unpackDeflate = promisify<Buffer, typeof LIMIT, Buffer>(inflateRaw);
const unpackBrotli = promisify<Buffer, typeof LIMIT, Buffer>(brotliDecompress);

export function tooLarge(): MagError {
  return new MagError('E_LIMIT_OUTPUT', `The response is larger than ${MAX_BODY_BYTES} bytes.`);
}

/** Reads a body to its end, telling of each piece before it is kept. @throws `E_LIMIT_OUTPUT` */
export async function readBody(
  chunks: AsyncIterable<Buffer>,
  onBytes: (count: number) => void,
): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    onBytes(chunk.length);
    length += chunk.length;
    if (length > MAX_BODY_BYTES) throw tooLarge();
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}

/**
 * Undoes the one content coding of a response. Codings stacked on each other are refused: nobody uses them
 * but to build bombs. @throws `E_LIMIT_OUTPUT`, `E_NET`
 */
export async function unpack(body: Buffer, coding: string): Promise<Buffer> {
  const name = coding.trim().toLowerCase();
  if (body.length === 0 || name === '' || name === 'identity') return body;
  try {
    if (name === 'gzip' || name === 'x-gzip') return await unpackGzip(body, LIMIT);
    if (name === 'br') return await unpackBrotli(body, LIMIT);
    if (name === 'deflate') return await (isZlib(body) ? unpackZlib : unpackDeflate)(body, LIMIT);
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge();
    throw new MagError('E_NET', 'The response could not be decompressed.', { cause });
  }
  throw new MagError('E_NET', 'The response is packed in a way nobody asked for.');
}

/** Some servers send deflate without the zlib header that the standard asks for. */
function isZlib(body: Buffer): boolean {
  return ((body[0] ?? 0) & 0x0f) === 8 && body.length > 1 && body.readUInt16BE(0) % 31 === 0;
}
