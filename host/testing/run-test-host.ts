import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { SecretFolder } from '../../adapters/secrets/index.ts';
import { toMagError } from '../../kernel/errors.ts';
import type { Json, JsonObject } from '../../manifests/json.ts';
import { objectIn, textIn } from '../cli/answer.ts';
import { type Client, createClient } from '../cli/client.ts';
import { createTemporaryFolder } from '../cli/demo/temporary-folder.ts';
import { extensionPath } from '../cli/extension-id.ts';
import { endOfOperation } from '../cli/progress.ts';
import { stageFile } from '../cli/staging.ts';
import { startHost } from '../compose.ts';
import { loadConfig } from '../config.ts';
import { createScratchDatabase } from '../storage/scratch-database.ts';
import type { StartTestHost, TestHostReply } from './protocol.ts';
import { createWorkshop, type TrustedPackage } from './workshop.ts';

/**
 * Starts a throw-away host with one extension for the tests of an author, and says where it is. It ends, and
 * leaves nothing behind, when `left` resolves.
 */
export async function runTestHost(
  asked: StartTestHost,
  reply: (message: TestHostReply) => void,
  left: Promise<unknown>,
): Promise<void> {
  try {
    await using opened = new AsyncDisposableStack();
    reply(await open(asked, opened));
    await left;
  } catch (error) {
    // Only now that nothing is left of it.
    const { code, message } = toMagError(error, 'E_INTERNAL');
    reply({ kind: 'failed', code, message });
  }
}

async function open(asked: StartTestHost, opened: AsyncDisposableStack): Promise<TestHostReply> {
  const folder = opened.use(await createTemporaryFolder('mag-test-'));
  const workshop = await createWorkshop(folder.path);
  const dependencies: TrustedPackage[] = [];
  for (const dir of asked.dependencies) dependencies.push(await workshop.pack(dir));
  const tested = await workshop.pack(asked.dir);
  const { id, version } = tested.manifest;
  await keepSecrets(workshop.dataDir, id, asked.secrets);
  const { database } = asked;
  const scratch = database === null ? null : opened.use(await createScratchDatabase(database));
  // Nothing of the environment: neither the port nor the database of another host is this one's.
  const env = {
    MAG_PORT: '0',
    MAG_PREINSTALL: 'none',
    MAG_DATA_DIR: workshop.dataDir,
    DATABASE_URL: scratch?.url,
  };
  const config = loadConfig(env, workshop.dataDir);
  const host = opened.use(await startHost(config, pino({ level: 'error', base: null }, process.stderr)));
  const token = (await readFile(host.tokenFile, 'utf8')).trim();
  const client = createClient(host.url, token);
  for (const each of dependencies) {
    await install(client, each, { approve: 'all' });
    await move(client, each, 'enable', {});
  }
  await install(client, tested, {
    approve: asked.approve === 'all' ? 'all' : [...asked.approve],
    ...(asked.config === null ? {} : { config: asked.config as JsonObject }),
  });
  for (const name of asked.keys) await client.send('POST', extensionPath(id, 'keys'), { name });
  await move(client, tested, 'enable', {});
  return { kind: 'ready', id, version, url: host.url, token };
}

async function keepSecrets(
  dataDir: string,
  extension: TrustedPackage['manifest']['id'],
  secrets: StartTestHost['secrets'],
): Promise<void> {
  const folder = new SecretFolder(join(dataDir, 'secrets'));
  for (const [name, value] of Object.entries(secrets))
    await folder.set({ name, extension }, Buffer.from(value));
}

async function install(client: Client, given: TrustedPackage, how: JsonObject): Promise<void> {
  await stageFile({ client: () => client }, given.file);
  await move(client, given, 'install', { version: given.manifest.version, ...how });
}

async function move(client: Client, { manifest }: TrustedPackage, verb: string, body: Json): Promise<void> {
  const accepted = objectIn(await client.send('POST', extensionPath(manifest.id, verb), body));
  await endOfOperation({ client: () => client }, textIn(accepted, 'operation'));
}
