import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateKey } from '../../packaging/index.ts';
import { objectIn, objectsIn, textIn } from '../answer.ts';
import { confirm } from '../confirm.ts';
import type { Session } from '../session.ts';

/** Beside the sources, never packed (its name is hidden) and never committed. */
const FOLDER = '.mag';
const DAY_MS = 86_400_000;
/** A key that lies in a folder of sources is not trusted for longer than somebody works on them. */
const TRUSTED_MS = 30 * DAY_MS;

interface DevKey {
  /** Files with the halves of the pair, PEM. */
  readonly privateKey: string;
  readonly publicKey: string;
}

/** The key that builds of this folder are signed with, made the first time. */
export async function devKeyOf(dir: string): Promise<DevKey> {
  const folder = join(dir, FOLDER);
  const prefix = join(folder, 'dev');
  const pair = { privateKey: `${prefix}.key`, publicKey: `${prefix}.pub` };
  const isThere = await access(pair.privateKey).then(
    () => true,
    () => false,
  );
  if (isThere) return pair;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(join(folder, '.gitignore'), '*\n');
  return generateKey(prefix);
}

/**
 * Has the host trust the key, after asking: whoever has it can run code there from then on. A publisher that the
 * host knows keeps its tier.
 * @throws `E_APPROVAL` when the answer was no, `E_FORBIDDEN`
 */
export async function trustDevKey(
  session: Session,
  publisher: string,
  key: DevKey,
  now: Date,
): Promise<void> {
  const publicKey = await readFile(key.publicKey, 'utf8');
  const { publishers } = objectIn(await session.client().get('/v1/trust'));
  const known = objectIn(publishers)[publisher];
  const keys = known === undefined ? [] : objectsIn(objectIn(known).keys);
  const soon = new Date(now.getTime() + DAY_MS).toISOString();
  const isTrusted = keys.some(
    (row) =>
      textIn(row, 'publicKey').trim() === publicKey.trim() &&
      textIn(row, 'revokedAt') === '' &&
      textIn(row, 'notAfter') > soon,
  );
  if (isTrusted) return;
  const { url } = session.client();
  await confirm(
    session,
    `Trust the key of this folder (${FOLDER}/dev.pub) for ${publisher} on ${url}, for 30 days?`,
  );
  const tier = known === undefined ? 'verified' : textIn(known, 'tier');
  const notAfter = new Date(now.getTime() + TRUSTED_MS).toISOString();
  await session.client().send('POST', '/v1/trust', { publisher, publicKey, tier, notAfter });
}
