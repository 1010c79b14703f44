import { generateKeyPairSync } from 'node:crypto';
import { access, rm, writeFile } from 'node:fs/promises';
import { MagError } from '../../kernel/errors.ts';

interface KeyFiles {
  /** PKCS8 PEM, mode 0600. */
  readonly privateKey: string;
  /** SPKI PEM. */
  readonly publicKey: string;
}

/**
 * Makes a P-256 signing key: `<prefix>.key` and `<prefix>.pub`. Never replaces a key.
 * @throws `E_BAD_REQUEST` when one of the files exists or cannot be written
 */
export async function generateKey(prefix: string): Promise<KeyFiles> {
  const files = { privateKey: `${prefix}.key`, publicKey: `${prefix}.pub` };
  if (await exists(files.publicKey)) throw taken(files.publicKey);
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await create(files.privateKey, privateKey.export({ type: 'pkcs8', format: 'pem' }), 0o600);
  try {
    await create(files.publicKey, publicKey.export({ type: 'spki', format: 'pem' }), 0o644);
  } catch (error) {
    await rm(files.privateKey);
    throw error;
  }
  return files;
}

async function create(file: string, content: string | Buffer, mode: number): Promise<void> {
  try {
    await writeFile(file, content, { flag: 'wx', mode });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') throw taken(file);
    throw new MagError('E_BAD_REQUEST', `The key file ${file} cannot be written.`, { cause: error });
  }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

function taken(file: string): MagError {
  return new MagError('E_BAD_REQUEST', `${file} exists; a key is never replaced.`);
}
