import { appendFile, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packExtension } from '../../../host/packaging/index.ts';
import { ROOT_DIR } from '../../../host/paths.ts';
import { Author, type ExtensionSource } from '../../support/author.ts';
import { createBackupDatabase, whyNoBackupServer } from '../../support/backup-server.ts';
import { type Answer, TestHost, until } from '../../support/host.ts';
import { serving } from '../../support/sources.ts';
import { runHere } from '../cli/run-here.ts';

const EXAMPLE = join(ROOT_DIR, 'extensions/examples/backup-guard');
const missing = await whyNoBackupServer();
if (missing !== null) process.stdout.write(`backups are not tested: ${missing}\n`);

const NOTES: ExtensionSource = {
  manifest: serving('notes', ['GET /notes', 'POST /notes'], {
    capabilities: [
      { name: 'database.read', reason: 'Reads.' },
      { name: 'database.write', reason: 'Writes.' },
    ],
    migrations: 'migrations',
  }),
  code: `export default { endpoints: {
    'GET /notes': async (_request, ctx) => ({ body: (await ctx.db.query('select note from notes order by note')).rows }),
    'POST /notes': async (request, ctx) => {
      await ctx.db.query('insert into notes (note) values ($1)', [request.body.note]);
      return { status: 201 };
    },
  } };`,
  files: {
    'migrations/0001_notes.up.sql': `CREATE TABLE notes (
        tenant text NOT NULL DEFAULT current_setting('mag.tenant', true), note text NOT NULL);
      ALTER TABLE notes ENABLE ROW LEVEL SECURITY; ALTER TABLE notes FORCE ROW LEVEL SECURITY;
      CREATE POLICY own ON notes USING (tenant = current_setting('mag.tenant', true));`,
    'migrations/0001_notes.down.sql': 'DROP TABLE notes;',
  },
};

/** Is against backups while it is frozen, and tells what it saw. */
const KEEPER: ExtensionSource = {
  manifest: serving('keeper', ['POST /freeze', 'GET /seen'], {
    capabilities: [
      { name: 'database.admin', reason: 'Keeps backups from being made at a bad time.' },
      { name: 'database.read', reason: 'Is told of restores, and adds to the health report.' },
    ],
    contributes: {
      hooks: [
        { hook: 'magds.before_backup' },
        { hook: 'magds.after_restore' },
        { hook: 'magds.health_check_report' },
      ],
    },
  }),
  code: `export default {
    endpoints: {
      'POST /freeze': async (request, ctx) => { await ctx.state.set('frozen', request.body.frozen); return { status: 204 }; },
      'GET /seen': async (_request, ctx) => ({ body: await ctx.state.get('seen') }),
    },
    hooks: {
      'magds.before_backup': async (backup, ctx) => {
        if (await ctx.state.get('frozen')) throw Object.assign(new Error('Not now: ' + backup.database), { code: 'MAINTENANCE' });
      },
      'magds.after_restore': async (restored, ctx) => { await ctx.state.set('seen', { ...restored, trace: ctx.request.traceId.length }); },
      'magds.health_check_report': async () => ({ healthy: true, details: { kept: true } }),
    },
  };`,
};

describe.skipIf(missing !== null)('backups', () => {
  let host: TestHost;
  let author: Author;
  let acme: string;

  beforeAll(async () => {
    [host, author] = await Promise.all([
      TestHost.start({}, await createBackupDatabase()),
      Author.create('acme'),
    ]);
    await host.trust(author);
    await host.run(await author.publish(NOTES));
    await host.run(await author.publish(KEEPER));
    const { body } = await host.ask('POST', '/v1/tokens', {
      body: { name: 'acme', role: 'owner', tenant: 't_acme' },
    });
    acme = body.token;
    await host.ask('POST', '/x/acme/notes/notes', { body: { note: 'of the system' } });
    await host.ask('POST', '/x/acme/notes/notes', { body: { note: 'of acme' }, token: acme });
  });
  afterAll(async () => {
    await host?.[Symbol.asyncDispose]();
    await author?.[Symbol.asyncDispose]();
  });

  const notes = async (token = host.token) =>
    (await host.ask('GET', '/x/acme/notes/notes', { token })).body.map(({ note }: { note: string }) => note);
  const begin = (project: string, database?: string) =>
    host.ask('POST', `/v1/projects/${project}/backups`, { body: database === undefined ? {} : { database } });
  const backUp = async (project: string, database?: string): Promise<Answer['body']> => {
    const { status, body } = await begin(project, database);
    expect(status).toBe(202);
    return (await host.ask('GET', `/v1/projects/${project}/backups/${body.id}?wait=60`)).body;
  };
  const restore = async (project: string, id: string): Promise<Answer['body']> => {
    const begun = await host.ask('POST', `/v1/projects/${project}/backups/${id}/restore`);
    if (begun.status !== 202) return begun.body;
    return (await host.ask('GET', `/v1/projects/${project}/backups/${id}?wait=60`)).body.restores[0];
  };
  const cli = (...argv: string[]) => runHere(argv, host);
  const fileOf = (id: string) => join(host.dataDir, 'backups', `${id}.dump`);

  it('are not made while an extension is against it, in its own words', async () => {
    await host.ask('POST', '/x/acme/keeper/freeze', { body: { frozen: true } });
    const { status, body } = await begin('default');
    expect([status, body.code, body.detail]).toEqual([403, 'MAINTENANCE', 'Not now: main']);
    expect(body.veto).toEqual({ extension: 'acme/keeper', hook: 'magds.before_backup' });
    expect((await host.ask('GET', '/v1/projects/default/backups')).body).toEqual({ backups: [], next: null });
    const told = await cli('backup:create', '--output', 'json');
    expect([told.exitCode, JSON.parse(told.stdout).error]).toEqual([
      1,
      { code: 'E_VETO', detail: 'MAINTENANCE: Not now: main' },
    ]);
    await host.ask('POST', '/x/acme/keeper/freeze', { body: { frozen: false } });
  });

  it('are kept out of a maintenance window by the example that is shipped', async () => {
    await using example = await Author.create('example');
    await host.trust(example);
    const { file } = await packExtension(EXAMPLE, join(host.dataDir, 'backup-guard.mag'));
    const archive = await readFile(file);
    const signed = {
      id: 'example/backup-guard',
      version: '1.0.0',
      archive,
      bundle: await example.sign(archive),
    };
    await host.run(signed, 'all', { fromHour: 0, toHour: 0 }); // all day
    const { status, body } = await begin('default');
    expect([status, body.code, body.veto.extension]).toEqual([403, 'MAINTENANCE_WINDOW', signed.id]);
    const report = (await host.ask('GET', '/v1/projects/default/health')).body;
    expect(report.contributions).toContainEqual({
      extension: signed.id,
      healthy: true,
      details: { window: { fromHour: 0, toHour: 0 }, refused: 1, lastRestore: null },
    });
    await host.operate(signed.id, 'disable');
    await host.operate(signed.id, 'uninstall', { purge: true });
  });

  it('bring the schemas, rows and policies of extensions back', async () => {
    const backup = await backUp('default');
    expect(backup).toMatchObject({
      state: 'succeeded',
      error: null,
      extensions: ['acme/keeper', 'acme/notes'],
    });
    const { size, mode } = await stat(fileOf(backup.id));
    expect([size, mode & 0o777]).toEqual([backup.sizeBytes, 0o600]);
    const toc = (await readFile(fileOf(backup.id))).toString('latin1');
    expect(toc).toContain('ext_acme_notes');
    expect(toc).not.toContain('CREATE TABLE mag.');

    await host.database.pool.query('DROP SCHEMA ext_acme_notes CASCADE');
    expect((await host.ask('GET', '/x/acme/notes/notes')).status).toBe(400);
    expect(await restore('default', backup.id)).toMatchObject({ state: 'succeeded', error: null });
    expect([await notes(), await notes(acme)]).toEqual([['of the system'], ['of acme']]);

    await host.ask('POST', '/x/acme/notes/notes', { body: { note: 'since then' } });
    expect(await restore('default', backup.id)).toMatchObject({ state: 'succeeded' });
    expect(await notes()).toEqual(['of the system']);
    const seen = await until(
      async () => (await host.ask('GET', '/x/acme/keeper/seen')).body,
      (body) => body !== null,
    );
    expect(seen).toMatchObject({ project: 'default', database: 'main', backup: backup.id, trace: 32 });
    const events = (await host.ask('GET', '/v1/events?component=magds')).body.events;
    const types = events.map(({ event_type }: { event_type: string }) => event_type);
    expect(types).toEqual(expect.arrayContaining(['database.backup.completed', 'database.restored']));
  });

  it('bring back a database of a project that was removed', async () => {
    const path = '/v1/projects/default';
    await host.ask('POST', `${path}/databases`, {
      body: { name: 'orders', settings: { timezone: 'Asia/Tokyo' } },
    });
    const sql = `CREATE TABLE public.orders (id int, tenant text); INSERT INTO public.orders VALUES (1, 't_a'), (2, 't_b')`;
    const migration = { database: 'orders', name: '0001_orders', sql };
    expect((await host.ask('POST', `${path}/migrations`, { body: migration })).status).toBe(201);
    const policy = { database: 'orders', table: 'public.orders', name: 'own', using: 'tenant IS NOT NULL' };
    expect((await host.ask('POST', `${path}/policies`, { body: policy })).status).toBe(201);
    const shown = async () => ({
      rows: await rowsOf('orders'),
      policies: (await host.ask('GET', `${path}/policies?database=orders`)).body,
      migrations: (await host.ask('GET', `${path}/migrations?database=orders`)).body,
    });
    const rowsOf = async (name: string) => {
      const { body } = await host.ask('GET', `${path}/databases/${name}`);
      const address = new URL(host.database.url);
      address.pathname = `/${body.serverName}`;
      const { default: pg } = await import('pg');
      const client = new pg.Client({ connectionString: address.href });
      await client.connect();
      const { rows } = await client.query(
        "SELECT id, tenant, current_setting('timezone') AS zone FROM orders ORDER BY id",
      );
      await client.end();
      return rows;
    };
    const before = await shown();
    expect(before.rows).toEqual([
      { id: 1, tenant: 't_a', zone: 'Asia/Tokyo' },
      { id: 2, tenant: 't_b', zone: 'Asia/Tokyo' },
    ]);
    const backup = await backUp('default', 'orders');

    expect((await host.ask('DELETE', `${path}/databases/orders`)).status).toBe(200);
    expect((await host.ask('GET', `${path}/databases/orders`)).body.code).toBe('E_NOT_FOUND');
    expect(await restore('default', backup.id)).toMatchObject({ state: 'succeeded', error: null });
    expect(await shown()).toEqual(before);
    // A second time, over the one that is there: nothing is left of that.
    expect(await restore('default', backup.id)).toMatchObject({ state: 'succeeded' });
    expect(await shown()).toEqual(before);
    const { rows } = await host.database.pool.query(
      'SELECT count(*)::int AS n FROM pg_database WHERE datdba = (SELECT datdba FROM pg_database WHERE datname = current_database())',
    );
    expect(rows).toEqual([{ n: 2 }]);
  });

  it('change nothing when they cannot be restored whole', async () => {
    const backup = await backUp('default');
    // Something that came since then and depends on what the backup would replace.
    await host.database.pool.query('CREATE VIEW public.since AS SELECT note FROM ext_acme_notes.notes');
    const failed = await restore('default', backup.id);
    expect([failed.state, failed.error.code]).toEqual(['failed', 'E_BACKUP']);
    expect(failed.error.detail).toMatch(/depends on it|other objects depend/);
    await host.database.pool.query('DROP VIEW public.since');
    expect(await notes()).toEqual(['of the system']); // the extension works again, too

    await host.database.pool.query(
      "INSERT INTO mag.extension_migrations (extension_id, name, checksum, state) VALUES ('acme/notes', '0002_x', 'x', 'applied')",
    );
    const refused = await restore('default', backup.id);
    expect([refused.code, refused.detail]).toEqual(['E_STATE', expect.stringContaining('acme/notes')]);
    await host.database.pool.query("DELETE FROM mag.extension_migrations WHERE name = '0002_x'");

    await appendFile(fileOf(backup.id), 'x');
    const tampered = await restore('default', backup.id);
    expect([tampered.state, tampered.error.code]).toEqual(['failed', 'E_BACKUP']);
    expect((await host.ask('DELETE', `/v1/projects/default/backups/${backup.id}`)).status).toBe(200);
    await expect(stat(fileOf(backup.id))).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await restore('default', backup.id)).code).toBe('E_NOT_FOUND');
  });

  it('are made, listed and restored from the command line', async () => {
    expect((await cli('project:create', 'shop', '--tenant', 't_acme')).stdout).toContain(
      'shop is there, for t_acme',
    );
    const { stdout } = await cli('backup:create', '--output', 'json');
    const { id, state } = JSON.parse(stdout);
    expect(state).toBe('succeeded');
    expect((await cli('backup:list')).stdout).toContain(id);
    const restored = await cli('backup:restore', id, '--yes');
    expect([restored.exitCode, restored.stdout]).toEqual([0, expect.stringContaining(`${id} was restored`)]);
    expect((await cli('backup:remove', id, '--yes')).stdout).toContain('is gone');
    expect((await cli('project:remove', 'shop', '--yes')).stdout).toContain('shop is gone');
    expect((await cli('project:list')).stdout).not.toContain('shop');
    expect((await cli('backup:restore', id, '--yes')).exitCode).toBe(1);
  });

  it('are part of the health report, to which extensions add', async () => {
    const { body } = await host.ask('GET', '/v1/projects/default/health');
    expect(body).toMatchObject({
      healthy: true,
      contributions: [{ extension: 'acme/keeper', healthy: true, details: { kept: true } }],
    });
  });

  it('are on record, with who made them', async () => {
    const { records } = (await host.ask('GET', '/v1/audit?limit=200')).body;
    const actions = records.map(
      ({ action, outcome }: { action: string; outcome: string }) => `${action} ${outcome}`,
    );
    for (const done of ['backup.create ok', 'backup.create refused', 'backup.restore ok', 'backup.remove ok'])
      expect(actions).toContain(done);
  });
});
