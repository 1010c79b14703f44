import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { bundleToJSON, toMessageSignatureBundle } from '@sigstore/bundle';
import { MagError } from '../../kernel/errors.ts';
import { isP256, keyHint } from '../../kernel/trust/public-key.ts';

/**
 * Signs a package: writes `<file>.sigstore.json`, the bundle that `cosign verify-blob --bundle … --key …`
 * takes too, and returns its path. An older one is replaced.
 * @param keyFile PKCS8 PEM, P-256, as `generateKey` makes it
 * @throws `E_BAD_REQUEST` when a file cannot be read or the key is none
 */
export async function signPackage(file: string, keyFile: string): Promise<string> {
  const archive = await readOrRefuse(file);
  const key = await readPrivateKey(keyFile);
  const target = `${file}.sigstore.json`;
  await writeFile(target, `${signBytes(archive, key)}\n`);
  return target;
}

/** The bundle of a message signature over these bytes, as JSON text. */
export function signBytes(archive: Uint8Array, key: KeyObject): string {
  const bundle = toMessageSignatureBundle({
    digest: createHash('sha256').update(archive).digest(),
    signature: sign('sha256', archive, key),
    keyHint: keyHint(createPublicKey(key)),
  });
  return JSON.stringify(bundleToJSON(bundle));
}

/** @param file PKCS8 PEM, P-256 @throws `E_BAD_REQUEST` when it cannot be read or is none */
export async function readPrivateKey(file: string): Promise<KeyObject> {
  return parseKey(await readOrRefuse(file), file);
}

function parseKey(pem: Buffer, file: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (isP256(key)) return key;
  } catch (error) {
    throw new MagError('E_BAD_REQUEST', `${file} is not an unencrypted private key in PEM.`, {
      cause: error,
    });
  }
  throw new MagError('E_BAD_REQUEST', `${file} is not a P-256 key.`);
}

/** @throws `E_BAD_REQUEST` */
export async function readOrRefuse(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new MagError('E_BAD_REQUEST', `${file} cannot be read.`, { cause: error });
  }
}
