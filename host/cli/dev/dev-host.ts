import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pino } from 'pino';
import { MagError } from '../../../kernel/errors.ts';
import type { JsonObject } from '../../../manifests/json.ts';
import type { Manifest } from '../../../manifests/manifest/manifest.ts';
import { bundleDebugRunner } from '../../build/bundle-runner.ts';
import { type Host, startHost } from '../../compose.ts';
import { loadConfig } from '../../config.ts';
import { BUILD_DIR } from '../../paths.ts';
import { createScratchDatabase } from '../../storage/scratch-database.ts';
import { createWorkshop } from '../../testing/workshop.ts';
import { createClient } from '../client.ts';
import { confirm } from '../confirm.ts';
import { createTemporaryFolder } from '../demo/temporary-folder.ts';
import { printable } from '../printable.ts';
import type { Session } from '../session.ts';
import { capabilityTable } from '../staging.ts';
import { createDebugSandbox, type DebugSandbox } from './debugger/debug-sandbox.ts';
import type { Debugger } from './debugger/debugger.ts';
import { readConfig } from './dev-config.ts';
import { type AuthorMap, readAuthorMap } from './source-map.ts';

export interface DevHostOptions {
  /** The folder of the extension. */
  readonly dir: string;
  /** A Postgres server to make a database of its own on. Default: an embedded one. */
  readonly database?: string;
  /** JSON file with the configuration the extension is installed with. */
  readonly config?: string;
}

/** A throw-away host in this process whose only extension can be debugged. Disposing of it leaves nothing. */
export interface DevHost extends AsyncDisposable {
  readonly manifest: Manifest;
  readonly map: AuthorMap | null;
  /** The signed package and the configuration to install it with. */
  readonly packageFile: string;
  readonly config: JsonObject | null;
  readonly url: string;
  readonly token: string;
  /** As the session of the command, but talking to this host, where everything is approved. */
  readonly session: Session;
  readonly debugger: Debugger;
}

/**
 * Packs an extension, asks once whether it may have all it declares, and starts a host for it. Only this
 * composition has a sandbox with a debugger: no configuration of any other host leads to one.
 * @throws `E_PKG_INVALID`, `E_MANIFEST_INVALID`, `E_APPROVAL`, `E_CONFIG`, `E_STORAGE`
 */
export async function openDevHost(
  session: Session,
  options: DevHostOptions,
  signal: AbortSignal,
): Promise<DevHost> {
  await using opened = new AsyncDisposableStack();
  const dir = resolve(session.terminal.cwd, options.dir);
  const folder = opened.use(await createTemporaryFolder('mag-dev-'));
  const { dataDir, pack } = await createWorkshop(folder.path);
  const { manifest, file } = await pack(dir);
  const map = await readAuthorMap(dir, manifest.entry);
  const config = await readConfig(session, options.config);
  await ask(session, manifest);
  const { database } = options;
  const scratch = database === undefined ? null : opened.use(await createScratchDatabase(database));
  signal.throwIfAborted();
  const { host, sandbox } = await boot(session, dataDir, scratch?.url, map?.trailer ?? '');
  opened.use(host);
  signal.throwIfAborted();
  const token = (await readFile(host.tokenFile, 'utf8')).trim();
  const client = createClient(host.url, token);
  const kept = opened.move();
  return {
    manifest,
    map,
    packageFile: file,
    config,
    url: host.url,
    token,
    session: { ...session, yes: true, client: () => client },
    debugger: sandbox.debugger,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function ask(session: Session, { id, version, capabilities }: Manifest): Promise<void> {
  const rows = capabilities.map(({ name, reason, scope }) => ({ name, reason, scope: scopeJson(scope) }));
  session.output.say(`${id} ${version} asks for:\n${capabilityTable(rows)}\n`);
  await confirm(session, `Grant all of it to ${id}, on a throw-away host?`);
}

function scopeJson(scope: Readonly<Record<string, readonly string[]>> | undefined): JsonObject | null {
  return scope === undefined
    ? null
    : Object.fromEntries(Object.entries(scope).map(([key, values]) => [key, [...values]]));
}

async function boot(
  session: Session,
  dataDir: string,
  databaseUrl: string | undefined,
  trailer: string,
): Promise<{ host: Host; sandbox: DebugSandbox }> {
  const runnerPath = await bundleDebugRunner(BUILD_DIR);
  const { stderr } = session.terminal;
  const onDeath = (error: MagError) =>
    void stderr.write(printable(`the extension ended: ${error.code}: ${error.message}`).concat('\n'));
  const logger = pino({ level: 'error', base: null }, stderr);
  let sandbox: DebugSandbox | null = null;
  // Nothing of the environment: neither the port nor the database of another host is this one's.
  const env = { MAG_PORT: '0', MAG_PREINSTALL: 'none', MAG_DATA_DIR: dataDir, DATABASE_URL: databaseUrl };
  const host = await startHost(loadConfig(env, dataDir), logger, {
    createSandbox: () => {
      sandbox = createDebugSandbox({ runnerPath, trailer, logger, onDeath });
      return sandbox;
    },
  });
  if (sandbox === null) throw new MagError('E_INTERNAL', 'the host did not ask for its sandbox');
  return { host, sandbox };
}
