import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { SecretFolder } from '../../../adapters/secrets/index.ts';
import type { Manifest } from '../../../manifests/manifest/manifest.ts';
import { startHost } from '../../compose.ts';
import { loadConfig } from '../../config.ts';
import { generateKey, packExtension, signPackage } from '../../packaging/index.ts';
import { createScratchDatabase } from '../../storage/scratch-database.ts';
import { createTrustAdmin } from '../../trust/trust-admin.ts';
import { createClient } from '../client.ts';
import { createTemporaryFolder } from '../demo/temporary-folder.ts';
import type { Session } from '../session.ts';

/** A throw-away host as operators run it, in this process. Disposing of it leaves nothing. */
export interface ReviewHost extends AsyncDisposable {
  readonly url: string;
  readonly token: string;
  /** As the session of the command, but talking to this host. */
  readonly session: Session;
  /** Packs a folder, into a temporary file, and signs it. @returns the file */
  packed(dir: string): Promise<string>;
  /** Signs a package with a key that only this host trusts. */
  sign(file: string): Promise<void>;
  /** An empty folder. */
  readonly folder: string;
}

/**
 * The secrets that the extension names have a value, which is made up.
 * @param publishers whom it trusts
 * @throws `E_CONFIG`, `E_STORAGE`, `E_UNSAFE_RUNTIME`
 */
export async function openReviewHost(
  session: Session,
  { id, secrets }: Pick<Manifest, 'id' | 'secrets'>,
  publishers: ReadonlySet<string>,
  database: string | undefined,
): Promise<ReviewHost> {
  await using opened = new AsyncDisposableStack();
  const { path: folder } = opened.use(await createTemporaryFolder('mag-review-'));
  const { privateKey, publicKey } = await generateKey(join(folder, 'review'));
  const dataDir = join(folder, 'data');
  const pem = await readFile(publicKey, 'utf8');
  const trust = createTrustAdmin(dataDir);
  for (const publisher of publishers)
    await trust.trustPublisher({ publisher, publicKey: pem, tier: 'verified' });
  const kept = new SecretFolder(join(dataDir, 'secrets'));
  for (const { name } of secrets) await kept.set({ name, extension: id }, Buffer.from(randomUUID()));
  const scratch = database === undefined ? null : opened.use(await createScratchDatabase(database));
  // Nothing of the environment: neither the port nor the database of another host is this one's.
  const env = {
    MAG_PORT: '0',
    MAG_PREINSTALL: 'none',
    MAG_SPARE_CELLS: '0', // how long it takes without is one of the answers
    MAG_DATA_DIR: dataDir,
    DATABASE_URL: scratch?.url,
  };
  const host = opened.use(await startHost(loadConfig(env, dataDir), pino({ level: 'silent' })));
  const token = (await readFile(host.tokenFile, 'utf8')).trim();
  const client = createClient(host.url, token);
  // The steps of installing it are no answer of this command.
  const quiet = { say: () => undefined, print: () => undefined, printItem: () => undefined };
  const output = { ...session.output, ...quiet, format: 'json' } as const;
  const running = opened.move();
  return {
    url: host.url,
    token,
    folder,
    session: { ...session, output, yes: true, client: () => client },
    packed: async (dir) => {
      const { file } = await packExtension(dir, join(folder, 'probe.mag'));
      await signPackage(file, privateKey);
      return file;
    },
    sign: async (file) => void (await signPackage(file, privateKey)),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
