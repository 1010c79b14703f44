import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EVENTS, type EventType, eventRow } from '../../../manifests/catalog/index.ts';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { serving } from '../../support/sources.ts';
import { WsClient } from '../../support/ws-client.ts';

const TYPES = Object.keys(EVENTS) as EventType[];
const REALTIME = ['realtime.register_channel', 'realtime.broadcast'];
/** Needs `pg_dump` of the server's version: backups.test.ts. */
const OF_BACKUPS: readonly EventType[] = [
  'database.backup.completed',
  'database.backup.failed',
  'database.restored',
];
/** Come about when an extension fails, in tests of their own. */
const OF_FAILURES: readonly EventType[] = [
  'extension.error',
  'extension.quarantined',
  'extension.health_check.failed',
];

describe('every event of the host', () => {
  let host: TestHost;
  let author: Author;

  const needs = [
    ...new Set(['realtime.subscribe_events', ...TYPES.flatMap((type) => eventRow(type).requires)]),
  ];
  const witness = {
    manifest: serving('witness', ['GET /seen'], {
      capabilities: needs.map((name) => ({ name, reason: 'Sees what happens.' })),
      contributes: { events: { subscribes: TYPES } },
      limits: { hostCallsPerSecond: 5_000 },
      secrets: [{ name: 'SEEN', reason: 'Is told of new values.' }],
    }),
    code: `const seen = new Set();
      const events = Object.fromEntries(${JSON.stringify(TYPES)}.map((type) => [type, () => { seen.add(type); }]));
      export default { events, endpoints: { 'GET /seen': () => ({ body: [...seen] }) } };`,
  };
  const actor = (version: string) => ({
    manifest: {
      ...serving('actor', ['POST /act', 'POST /query'], {
        capabilities: [
          ...['database.read', 'system.background_jobs', 'system.secret_mappings', ...REALTIME].map(
            (name) => ({
              name,
              reason: 'Acts.',
            }),
          ),
          { name: 'auth.register_provider', reason: 'Acts.', scope: { tenants: ['t_system'] } },
        ],
        contributes: {
          providers: [{ name: 'open', kind: 'sso', title: 'Anybody', tenant: 't_system' }],
          jobs: [{ name: 'good' }, { name: 'bad', maxAttempts: 1 }],
          channels: [{ name: 'room' }],
        },
      }),
      version,
      migrations: 'migrations',
    },
    files: {
      'migrations/0001_a.up.sql': 'CREATE TABLE a (id int);',
      'migrations/0001_a.down.sql': 'DROP TABLE a;',
    },
    code: `export default {
      channels: { room: {} },
      providers: { open: () => ({ subject: 'anybody' }) },
      jobs: { good: () => {}, bad: () => { throw new Error('bad'); } },
      endpoints: { 'POST /act': async (_request, ctx) => {
        await ctx.db.query('select id from a');
        await ctx.jobs.enqueue('good');
        await ctx.jobs.enqueue('bad');
        await ctx.realtime.broadcast('room', 'hi');
        await ctx.secrets.mappings.set({ name: 'SEEN' }, { backend: 'folder', ref: 'ELSEWHERE' });
        return { status: 204 };
      }, 'POST /query': async (_request, ctx) => { await ctx.db.query('select 1'); return { status: 204 }; } },
    };`,
  });

  beforeAll(async () => {
    [host, author] = await Promise.all([
      TestHost.start({ MAG_RATE_LIMIT_FAILURES: '1' }),
      Author.create('acme'),
    ]);
    await host.trust(author);
    await host.run(await author.publish(witness));
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
  });

  /** The server ends the connections of an extension, and takes none, or does again. */
  async function shutOut(extension: string, out: boolean): Promise<void> {
    const { pool } = host.database;
    const { rows } = await pool.query('SELECT role FROM mag.extension_roles WHERE extension_id = $1', [
      extension,
    ]);
    await pool.query(`ALTER ROLE "${rows[0].role}" ${out ? 'NOLOGIN' : 'LOGIN'}`);
    await pool.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [
      rows[0].role,
    ]);
  }

  it('reaches an extension that may see it', async () => {
    const projects = '/v1/projects/default';
    const accepted = async (...request: Parameters<TestHost['ask']>) =>
      expect([request[1], (await host.ask(...request)).status]).toEqual([
        request[1],
        expect.closeTo(200, -2),
      ]);
    await host.run(await author.publish(actor('1.0.0')));
    const client = await WsClient.open(host.url, { token: host.token });
    await client.ask({ type: 'subscribe', channel: 'acme/actor/room' });
    await client[Symbol.asyncDispose]();
    await accepted('POST', '/x/acme/actor/act');
    await host.stage(await author.publish(actor('1.1.0')));
    expect((await host.operate('acme/actor', 'upgrade', { version: '1.1.0' })).body.state).toBe('succeeded');
    const body = { username: 'anybody', credentials: null };
    const { body: session } = await host.ask('POST', '/auth/login/acme/actor/open', { body, token: null });
    await accepted('POST', '/auth/logout', { token: session.token });
    for (const token of ['nobody', 'neither']) await host.ask('GET', '/v1/hosts', { token });
    await accepted('POST', '/v1/tokens', {
      body: { name: 'short', role: 'user', expiresAt: new Date(Date.now() + 5_000).toISOString() },
    });
    await accepted('POST', `${projects}/databases`, { body: { name: 'seen' } });
    const sql = 'CREATE TABLE public.things (id int, tenant text)';
    await accepted('POST', `${projects}/migrations`, {
      body: { database: 'seen', name: '0001_things', sql },
    });
    const policy = { database: 'seen', table: 'public.things', name: 'own', using: 'id > 0' };
    await accepted('POST', `${projects}/policies`, { body: policy });
    await accepted('POST', `${projects}/restore-points`, { body: { name: 'before' } });
    await accepted('DELETE', `${projects}/databases/seen`);
    const seen = async (): Promise<string[]> => (await host.ask('GET', '/x/acme/witness/seen')).body;
    // Each by a subscription of its own: neither comes first.
    const ended: readonly EventType[] = ['job.completed', 'job.failed'];
    await until(seen, (types) => ended.every((type) => types.includes(type)));
    await shutOut('acme/actor', true);
    // The first one finds the connection it had before closed.
    for (const _ of [1, 2])
      expect((await host.ask('POST', '/x/acme/actor/query')).body.code).toBe('E_STORAGE');
    await shutOut('acme/actor', false);
    await host.operate('acme/actor', 'disable');
    await host.operate('acme/actor', 'uninstall');
    const expected = TYPES.filter((type) => !OF_BACKUPS.includes(type) && !OF_FAILURES.includes(type));
    const missing = async () => {
      const types = await seen();
      return expected.filter((type) => !types.includes(type));
    };
    expect(await until(missing, (types) => types.length === 0).catch(missing)).toEqual([]);
  });
});
