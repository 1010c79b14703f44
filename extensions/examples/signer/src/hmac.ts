const BLOCK_BYTES = 64;

/**
 * HMAC-SHA-256 (RFC 2104) as lower-case hex: the sandbox has digests and no keys of its own.
 * @param secret text
 * @param message one byte a character
 */
export async function hmacSha256(secret: string, message: string): Promise<string> {
  let key = new TextEncoder().encode(secret);
  if (key.length > BLOCK_BYTES) key = await sha256(key);
  const padded = new Uint8Array(BLOCK_BYTES);
  padded.set(key);
  const inner = await sha256(joined(masked(padded, 0x36), bytesOf(message)));
  const outer = await sha256(joined(masked(padded, 0x5c), inner));
  return [...outer].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Compares in a time that tells nothing of where two texts differ. */
export function isSame(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < b.length; i += 1) difference |= a.charCodeAt(i % (a.length || 1)) ^ b.charCodeAt(i);
  return difference === 0;
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
}

function masked(key: Uint8Array, mask: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(key, (byte) => byte ^ mask);
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

function bytesOf(binary: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(binary, (byte) => byte.charCodeAt(0));
}
