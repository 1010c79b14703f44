import { createHash, createPublicKey, type KeyObject } from 'node:crypto';

/**
 * A P-256 public key out of PEM (SPKI). One kind of key, so that nobody can choose a weak one.
 * @throws `TypeError` for anything else, a private key included
 */
export function parsePublicKey(pem: string): KeyObject {
  if (!/^\s*-----BEGIN PUBLIC KEY-----/.test(pem)) throw new TypeError('not a PEM public key');
  const key = createPublicKey(pem);
  if (!isP256(key)) throw new TypeError('not a P-256 key');
  return key;
}

export function isP256(key: KeyObject): boolean {
  return key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
}

/** SHA-256 of the key's SPKI DER, hex. */
export function fingerprint(key: KeyObject): string {
  return createHash('sha256').update(spki(key)).digest('hex');
}

/** How cosign names a key inside a bundle: base64 of the same hash. */
export function keyHint(key: KeyObject): string {
  return createHash('sha256').update(spki(key)).digest('base64');
}

/** The id a key has when nobody names it. */
export function defaultKeyId(key: KeyObject): string {
  return fingerprint(key).slice(0, 16);
}

function spki(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}
