import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MagError } from '../kernel/errors.ts';
import type { TokenStore } from './components/magauth/ports.ts';

/**
 * Makes sure that `<data>/admin.token` (mode 0600) holds a token that works, so that whoever may read the
 * data folder may administer the host.
 * @returns the path of the file
 */
export async function ensureAdminToken(dataDir: string, tokens: TokenStore): Promise<string> {
  const file = join(dataDir, 'admin.token');
  const kept = await readKept(file);
  if (kept !== null && (await tokens.authenticate(kept)) !== null) return file;
  const { token } = await tokens.create({ name: 'admin', role: 'owner', tenantId: 't_system' });
  const draft = `${file}.new`;
  await writeFile(draft, `${token}\n`, { mode: 0o600 });
  await rename(draft, file);
  return file;
}

async function readKept(file: string): Promise<string | null> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return null;
    throw new MagError('E_CONFIG', 'the file admin.token in the data folder cannot be read', { cause });
  }
}
