import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPair,
  type JsonWebKey,
  type KeyObject,
  randomBytes,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto';
import { promisify } from 'node:util';
import { CompactSign, calculateJwkThumbprint } from 'jose';
import { MagError } from '../../kernel/errors.ts';
import type { PublicKey } from '../../manifests/sdk/host-api.ts';

/** `hmac` is symmetric (HMAC-SHA-256): what it makes only this host can verify. */
export type KeyType = PairType | 'hmac';
type PairType = 'ed25519' | 'p256';

/** One version of a key as it is verified with. */
export interface Version {
  readonly type: KeyType;
  /** The thumbprint of the key (RFC 7638). */
  readonly keyId: string;
  readonly key: KeyObject;
  /** As others verify with it; `null`: they cannot, for whoever could would be able to sign as well. */
  readonly view: PublicKey | null;
}

/** The version that signs. */
export interface SigningVersion extends Version {
  readonly privateKey: KeyObject;
}

const generate = promisify(generateKeyPair);
const ALGORITHMS = { ed25519: 'EdDSA', p256: 'ES256', hmac: 'HS256' } as const;
const MAC_BYTES = 32;
/** Two numbers of 32 bytes, as JWS wants them, instead of the default of OpenSSL (DER). */
const DSA_ENCODING = 'ieee-p1363';

export async function generatePrivateKey(type: PairType): Promise<KeyObject> {
  const { privateKey } =
    type === 'ed25519' ? await generate('ed25519') : await generate('ec', { namedCurve: 'P-256' });
  return privateKey;
}

/** @throws when it is no PKCS#8 PEM of a key of one of the types */
export async function signingVersion(pem: Buffer): Promise<SigningVersion> {
  const privateKey = createPrivateKey(pem);
  return { ...(await publicVersion(createPublicKey(privateKey))), privateKey };
}

/** @throws when it is of neither type */
export async function publicVersion(key: KeyObject): Promise<Version & { readonly view: PublicKey }> {
  const type = typeOf(key);
  const algorithm = ALGORITHMS[type];
  const jwk = key.export({ format: 'jwk' }) as JsonWebKey & Record<string, string>;
  const keyId = await calculateJwkThumbprint(jwk);
  const pem = key.export({ type: 'spki', format: 'pem' }).toString();
  const view = { keyId, algorithm, jwk: { ...jwk, kid: keyId, alg: algorithm, use: 'sig' }, pem };
  return { type, keyId, key, view };
}

/** The text of a new symmetric key: base64. */
export function generateMacKey(): string {
  return `${randomBytes(MAC_BYTES).toString('base64')}\n`;
}

/** @throws when it is no such text */
export async function macVersion(text: Buffer): Promise<SigningVersion> {
  const bytes = Buffer.from(text.toString('latin1'), 'base64');
  if (bytes.length !== MAC_BYTES) throw new TypeError(`not ${MAC_BYTES} bytes in base64`);
  const key = createSecretKey(bytes);
  const keyId = await calculateJwkThumbprint(key.export({ format: 'jwk' }) as { kty: string });
  return { type: 'hmac', keyId, key, privateKey: key, view: null };
}

/** On a thread of its own: the host goes on meanwhile. */
export async function signData({ type, privateKey }: SigningVersion, data: Buffer): Promise<Buffer> {
  if (type === 'hmac') return macOf(privateKey, data);
  const key = { key: privateKey, dsaEncoding: DSA_ENCODING } as const;
  return new Promise((resolve, reject) => {
    sign(digestOf(type), data, key, (error, signature) => (error ? reject(error) : resolve(signature)));
  });
}

export async function isSignatureOf(
  { type, key }: Version,
  data: Buffer,
  signature: Buffer,
): Promise<boolean> {
  if (type === 'hmac') return signature.length === MAC_BYTES && timingSafeEqual(macOf(key, data), signature);
  const options = { key, dsaEncoding: DSA_ENCODING } as const;
  return new Promise((resolve, reject) => {
    verify(digestOf(type), data, options, signature, (error, valid) =>
      error ? reject(error) : resolve(valid),
    );
  });
}

/** Says which key it is, or changes what a header means: none of it is the caller's to say. */
const HOST_HEADERS = ['alg', 'kid', 'crit', 'b64', 'jwk', 'jku', 'x5u', 'x5c', 'x5t', 'x5t#S256'];

/** A compact JWS (RFC 7515). @throws `E_PARAMS` when the header says what is the host's to say */
export function compactJws(
  { type, keyId: kid, privateKey }: SigningVersion,
  payload: Buffer,
  header: Readonly<Record<string, unknown>>,
): Promise<string> {
  const taken = HOST_HEADERS.find((name) => Object.hasOwn(header, name));
  if (taken !== undefined) throw new MagError('E_PARAMS', `The header ${taken} is the host's to set.`);
  return new CompactSign(payload)
    .setProtectedHeader({ ...header, alg: ALGORITHMS[type], kid })
    .sign(privateKey);
}

function typeOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): PairType {
  if (asymmetricKeyType === 'ed25519') return 'ed25519';
  if (asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1') return 'p256';
  throw new TypeError('neither an Ed25519 nor a P-256 key');
}

/** Ed25519 hashes by itself. */
function digestOf(type: PairType): 'sha256' | null {
  return type === 'p256' ? 'sha256' : null;
}

function macOf(key: KeyObject, data: Buffer): Buffer {
  return createHmac('sha256', key).update(data).digest();
}
