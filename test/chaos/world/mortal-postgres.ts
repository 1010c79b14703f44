import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../../host/storage/embedded-postgres.ts';
import { silentLogger } from '../../support/silent-logger.ts';

/**
 * A Postgres that can be killed: the whole server, which is started again by what started it, or one of its
 * processes, which makes it start over by itself.
 */
export class MortalPostgres implements AsyncDisposable {
  readonly #folder: string;
  readonly server: EmbeddedPostgres;

  private constructor(folder: string, server: EmbeddedPostgres) {
    this.#folder = folder;
    this.server = server;
  }

  static async start(): Promise<MortalPostgres> {
    const folder = await mkdtemp(join(tmpdir(), 'magflock-chaos-postgres-'));
    await chmod(folder, 0o711);
    return new MortalPostgres(folder, await startEmbeddedPostgres({ dataDir: folder, logger: silentLogger }));
  }

  async killServer(): Promise<void> {
    process.kill(await this.#pid(), 'SIGKILL');
  }

  async killBackend(): Promise<void> {
    const client = new pg.Client({ connectionString: this.server.url });
    client.on('error', () => undefined);
    await client.connect();
    const { rows } = await client.query(
      "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'magflock%' LIMIT 1",
    );
    process.kill(rows[0].pid, 'SIGKILL');
    await client.end().catch(() => undefined);
  }

  async #pid(): Promise<number> {
    const text = await readFile(join(this.#folder, 'postgres', 'data', 'postmaster.pid'), 'utf8');
    return Number(text.split('\n')[0]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
