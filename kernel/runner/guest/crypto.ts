import { MAX_LENT_CHARS } from './host-functions.ts';
import { web } from './lent.ts';
import { namedError } from './named-error.ts';
import {
  Buffer,
  Bytes,
  binaryText,
  bytesIn,
  GuestTypeError,
  parseInteger,
  sliceText,
  toText,
  toUpperCase,
  typedLength,
} from './primordials.ts';
import { getRandomValues, randomUUID } from './random.ts';
import { hostError } from './wire-error.ts';

/** Names of WebCrypto and of the runner. */
const ALGORITHMS = {
  __proto__: null,
  'SHA-1': 'sha1',
  'SHA-256': 'sha256',
  'SHA-384': 'sha384',
  'SHA-512': 'sha512',
} as unknown as Readonly<Record<string, string>>;

type AlgorithmName = string | { readonly name: string };

/** The part of WebCrypto that needs no keys. */
export function createCrypto() {
  return { randomUUID, getRandomValues, subtle: { digest } };
}

/** Rejects with Errors named as the platform's, and with `E_LIMIT_OUTPUT` over 4 MiB. */
async function digest(algorithm: AlgorithmName, data: unknown): Promise<ArrayBuffer> {
  const name = toText(typeof algorithm === 'object' && algorithm !== null ? algorithm.name : algorithm);
  const known = ALGORITHMS[toUpperCase(name)];
  if (known === undefined) throw namedError('NotSupportedError', 'Unrecognized algorithm name');
  const bytes = bytesIn(data);
  if (bytes === undefined) throw new GuestTypeError('digest needs an ArrayBuffer or a view of one');
  if (typedLength(bytes) > MAX_LENT_CHARS)
    throw hostError('E_LIMIT_OUTPUT', `digest takes at most ${MAX_LENT_CHARS} bytes`);
  return bytesOfHex(web().digest(known, binaryText(bytes)));
}

function bytesOfHex(hex: string): ArrayBuffer {
  const buffer = new Buffer(hex.length / 2);
  const bytes = new Bytes(buffer);
  for (let i = 0; i < hex.length / 2; i++) bytes[i] = parseInteger(sliceText(hex, i * 2, i * 2 + 2), 16);
  return buffer;
}
