import { createHash, randomUUID } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { expect } from 'vitest';
import type { TestHost } from '../../support/host.ts';

/** What an attack knows of the outside: where the treasures are, not what they hold. */
export interface Outside {
  /** A file every account may read and write. */
  readonly file: string;
  /** Of a listener on loopback that nobody has a reason to connect to. */
  readonly port: number;
  /** Of the process the host runs in. */
  readonly hostPid: number;
  /** The environment variable of the host that holds a secret. */
  readonly variable: string;
}

const VARIABLE = 'MAG_TEST_SENTINEL';

/** Things around the host that no extension may see or touch, and proof that none did. */
export class Sentinels implements AsyncDisposable {
  readonly outside: Outside;
  readonly #host: TestHost;
  readonly #server: Server;
  readonly #folder: string;
  readonly #secrets: { file: string; row: string; variable: string };
  #connections = 0;
  #before = '';

  private constructor(host: TestHost, server: Server, folder: string) {
    this.#host = host;
    this.#server = server;
    this.#folder = folder;
    this.#secrets = { file: secret(), row: secret(), variable: secret() };
    server.on('connection', (socket) => {
      this.#connections++;
      socket.destroy();
    });
    this.outside = {
      file: join(folder, 'sentinel.txt'),
      port: (server.address() as AddressInfo).port,
      hostPid: process.pid,
      variable: VARIABLE,
    };
  }

  static async place(host: TestHost): Promise<Sentinels> {
    const folder = await mkdtemp(join(tmpdir(), 'magflock-sentinel-'));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const sentinels = new Sentinels(host, server, folder);
    await sentinels.#place(host.database.pool);
    return sentinels;
  }

  async #place(pool: pg.Pool): Promise<void> {
    process.env[VARIABLE] = this.#secrets.variable;
    await writeFile(this.outside.file, this.#secrets.file);
    // Open to everybody: what keeps a cell away must be the cell, not the mode of the file.
    await chmod(this.outside.file, 0o666);
    await chmod(this.#folder, 0o777);
    await pool.query('CREATE TABLE public.sentinel (id int PRIMARY KEY, secret text)');
    await pool.query('INSERT INTO public.sentinel VALUES (1, $1)', [this.#secrets.row]);
  }

  /** What must appear in no answer, log line or record. */
  get secrets(): readonly string[] {
    return [...Object.values(this.#secrets), this.#host.token];
  }

  /** Notes how the data folder and the database look now. */
  async begin(): Promise<void> {
    this.#before = await this.#surroundings();
  }

  async expectUntouched(): Promise<void> {
    expect(await readFile(this.outside.file, 'utf8')).toBe(this.#secrets.file);
    expect(await readdir(this.#folder)).toEqual(['sentinel.txt']);
    const { rows } = await this.#host.database.pool.query('SELECT id, secret FROM public.sentinel');
    expect(rows).toEqual([{ id: 1, secret: this.#secrets.row }]);
    expect(this.#connections).toBe(0);
    expect(await this.#surroundings()).toBe(this.#before);
    expect(Reflect.ownKeys(Object.prototype).filter((key) => !NATIVE.has(key))).toEqual([]);
  }

  /** What the host still holds back, as a batch of log lines, is there when it was stopped. */
  async expectNothingStored(): Promise<void> {
    const { pool } = this.#host.database;
    const { rows } = await pool.query(
      `SELECT c.oid::regclass::text AS name FROM pg_class c WHERE c.relnamespace = 'mag'::regnamespace
       AND c.relkind IN ('r', 'p') AND NOT c.relispartition`,
    );
    const like = this.secrets.map((_, index) => `t::text LIKE '%' || $${index + 1} || '%'`).join(' OR ');
    const search = rows.map(({ name }) => `SELECT '${name}' AS name FROM ${name} t WHERE ${like}`);
    const found = await pool.query(search.join(' UNION ALL '), [...this.secrets]);
    expect(found.rows).toEqual([]);
  }

  async #surroundings(): Promise<string> {
    const { rows } = await this.#host.database.pool.query(SURROUNDINGS);
    return [...(await digests(this.#host.dataDir)), ...rows.map((row) => JSON.stringify(row))].join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    delete process.env[VARIABLE];
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.#folder, { recursive: true, force: true });
  }
}

const NATIVE = new Set(Reflect.ownKeys(Object.prototype));

/** Every relation and function there is (but for the partitions of a day), every token, grant and version. */
const SURROUNDINGS = `
  SELECT 'relation' AS what, c.oid::regclass::text AS name FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname !~ '^(pg_|information_schema$)' AND NOT c.relispartition
  UNION ALL SELECT 'function', p.oid::regprocedure::text FROM pg_proc p
    JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname !~ '^(pg_|information_schema$)'
  UNION ALL SELECT 'grant', extension || ' ' || capability FROM mag.grants
  UNION ALL SELECT 'token', id::text FROM mag.tokens
  UNION ALL SELECT 'package', id || ' ' || version FROM mag.packages
  ORDER BY 1, 2`;

async function digests(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const lines = files.sort().map(async (file) => `${file} ${hash(await readFile(file))}`);
  return Promise.all(lines);
}

function hash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function secret(): string {
  return `sentinel-${randomUUID()}`;
}
