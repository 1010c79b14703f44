import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { HostProcess } from '../../support/host-process.ts';
import { runMag } from '../../support/mag-in-process.ts';
import { serving } from '../../support/sources.ts';
import { VaultServer } from '../../support/vault-server.ts';

const VAULT_TOKEN = 'the-token-of-the-vault';
const FIRST = 'the-first-value-of-it';
const SECOND = 'the-second-value-of-it';
const OF_ACME = 'the-value-that-acme-has';
const VALUES = [VAULT_TOKEN, FIRST, SECOND, OF_ACME];
const ENDPOINTS = [
  'GET /key',
  'GET /foreign',
  'GET /told',
  'GET /throw',
  'GET /throw-coded',
  'POST /job',
  'POST /tell',
];

/** Reads a secret, and fails with it wherever it can. */
const SHOP = {
  manifest: {
    ...serving('shop', ENDPOINTS, {
      capabilities: [
        { name: 'system.secrets', reason: 'Pays.' },
        { name: 'network.inbound', reason: 'Is told of payments.' },
        { name: 'api.emit_events', reason: 'Tells itself.' },
        { name: 'system.background_jobs', reason: 'Pays later.' },
        { name: 'cli.register_command', reason: 'Pays from a terminal.' },
        {
          name: 'realtime.subscribe_events',
          reason: 'Reads a new value.',
          scope: { types: ['secrets.rotated', 'acme.shop.told'] },
        },
      ],
      secrets: [{ name: 'API_KEY', reason: 'Pays.' }],
      contributes: {
        endpoints: [
          ...ENDPOINTS.map((key) => {
            const [method, path] = key.split(' ');
            return { method, path, auth: 'user' };
          }),
          {
            method: 'POST',
            path: '/hook',
            auth: 'none',
            webhook: { secret: 'API_KEY', header: 'X-Signature' },
          },
        ],
        events: {
          subscribes: ['secrets.rotated', 'acme.shop.told'],
          publishes: [{ type: 'acme.shop.told', schema: 'schemas/any.json' }],
        },
        jobs: [{ name: 'pay', maxAttempts: 1 }],
        commands: [{ name: 'pay', description: 'pay' }],
      },
      health: { intervalSeconds: 60 },
    }),
  },
  files: { 'schemas/any.json': '{ "type": "object" }' },
  code: `const digest = async (text) => Array.from(new Uint8Array(
      await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))), (b) => b.toString(16).padStart(2, '0')).join('');
    const spill = async (ctx, code) => {
      const key = await ctx.secrets.get('API_KEY');
      ctx.log.error('paying with ' + key, { [key]: key, deep: [{ authorization: 'Bearer ' + key }] });
      console.error('paying with', { key });
      throw Object.assign(new Error('refused: ' + key), code ? { code: code + key } : {});
    };
    export default {
      health: async (ctx) => { await ctx.secrets.get('API_KEY').then((key) => ctx.log.info('well with ' + key), () => {}); return { healthy: true }; },
      events: {
        'secrets.rotated': async (event, ctx) => { await ctx.state.set('told', event.data); },
        'acme.shop.told': (event, ctx) => spill(ctx),
      },
      jobs: { pay: (job, ctx) => spill(ctx, 'E_') },
      commands: { pay: (invocation, ctx) => spill(ctx, 'PAY_') },
      endpoints: {
        'GET /key': async (request, ctx) => ({ body: await digest(await ctx.secrets.get('API_KEY')) }),
        'GET /foreign': async (request, ctx) => ({ body: await ctx.secrets.get('VAULT_TOKEN') }),
        'GET /told': async (request, ctx) => ({ body: await ctx.state.get('told') }),
        'GET /throw': (request, ctx) => spill(ctx),
        'GET /throw-coded': (request, ctx) => spill(ctx, 'PAY_'),
        'POST /job': async (request, ctx) => ({ body: await ctx.jobs.enqueue('pay') }),
        'POST /tell': async (request, ctx) => ({ body: await ctx.events.publish('acme.shop.told', {}) }),
        'POST /hook': () => ({ body: 'taken' }),
      },
    };`,
};

let host: TestHost;
let author: Author;
let vault: VaultServer;
/** Of an owner of t_acme. */
let acme: string;
beforeAll(async () => {
  vault = await VaultServer.start();
  vault.allow(VAULT_TOKEN);
  vault.put('apps/shop', { key: FIRST, acme: OF_ACME });
  [host, author] = await Promise.all([
    TestHost.start({ MAG_SECRET_VAULT_TOKEN: VAULT_TOKEN }),
    Author.create('acme'),
  ]);
  await host.trust(author);
  await host.run(await author.publish(SHOP));
  const body = { name: 'acme', role: 'owner', tenant: 't_acme' };
  acme = (await host.ask('POST', '/v1/tokens', { body })).body.token;
  const install = [
    'extension:install',
    'magflock/secrets',
    '--approve',
    'all',
    '--enable',
    '--yes',
    '--no-lock',
  ];
  const { exitCode, stderr } = await mag(install);
  if (exitCode !== 0) throw new Error(stderr);
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  await author[Symbol.asyncDispose]();
  await vault[Symbol.asyncDispose]();
});

const mag = (args: readonly string[]) =>
  runMag([...args, '--output', 'json'], {
    env: { MAG_URL: host.url, MAG_DATA_DIR: host.dataDir },
    cwd: host.dataDir,
  });
const SECRETS = '/x/magflock/secrets';
const OF_SHOP = '?extension=acme/shop';
const key = (at: TestHost = host, token = at.token) => at.ask('GET', '/x/acme/shop/key', { token });
const digestOf = async (text: string) =>
  (await import('node:crypto')).createHash('sha256').update(text).digest('hex');

describe('a Vault', () => {
  it('is connected by an owner, at an address where a token may be sent', async () => {
    const connect = (body: object) => host.ask('POST', '/v1/secret-backends', { body });
    for (const url of [
      'http://vault.example.com:8200',
      'https://vault.example.com/v1',
      'https://user:pass@vault.example.com',
      'ftp://vault.example.com',
      'file:///etc/passwd',
      'vault.example.com',
    ]) {
      const { status, body } = await connect({ name: 'main', url, secret: 'VAULT_TOKEN' });
      expect([url, status, body.code]).toEqual([url, 400, 'E_BAD_REQUEST']);
    }
    const { status } = await connect({ name: 'main', url: vault.url, secret: VAULT_TOKEN });
    expect(status).toBe(400); // a value is no name
    const added = await mag([
      'secret-backend:add',
      'main',
      '--address',
      vault.url,
      '--token-secret',
      'VAULT_TOKEN',
    ]);
    expect([added.exitCode, JSON.parse(added.stdout)]).toMatchObject([0, { name: 'main', kvVersion: 2 }]);
    expect((await connect({ name: 'main', url: vault.url, secret: 'VAULT_TOKEN' })).body.code).toBe(
      'E_EXISTS',
    );
    const listed = JSON.parse((await mag(['secret-backend:list'])).stdout);
    expect(listed).toMatchObject([{ name: 'main', url: vault.url, secret: 'VAULT_TOKEN' }]);
  });

  it('gives an extension what is mapped there, once it is mapped', async () => {
    expect((await key()).body.code).toBe('E_SECRET_MISSING');
    const target = { backend: 'vault:main', ref: 'apps/shop#key', rotateAfterDays: 30 };
    const put = (headers: Record<string, string>) =>
      host.ask('PUT', `${SECRETS}/secrets/API_KEY${OF_SHOP}`, { body: target, headers });
    expect((await put({})).status).toBe(428);
    const made = await put({ 'if-none-match': '*' });
    expect([made.status, made.headers.get('etag')]).toEqual([201, '"1"']);
    expect((await put({ 'if-match': '"7"' })).status).toBe(412);
    expect((await key()).body).toBe(await digestOf(FIRST));
    const shown = await host.ask('GET', `${SECRETS}/secrets/API_KEY${OF_SHOP}`);
    expect(shown.body).toMatchObject({
      ...{ state: 'present', from: 'vault:main', usedBy: ['acme/shop'], mapping: { ...target, version: 1 } },
      history: [{ version: 1, action: 'map' }],
    });
    expect(shown.body.lastReadAt).not.toBeNull();
    expect(JSON.parse((await mag(['secret:list'])).stdout)).toContainEqual(
      expect.objectContaining({
        name: 'API_KEY',
        extension: 'acme/shop',
        state: 'present',
        from: 'vault:main',
      }),
    );
  });

  it('has what the host itself verifies webhooks with', async () => {
    const body = '{"paid":true}';
    const send = (secret: string) =>
      fetch(`${host.url}/x/acme/shop/hook`, {
        ...{ method: 'POST', body },
        headers: {
          'content-type': 'application/json',
          'x-signature': createHmac('sha256', secret).update(body).digest('hex'),
        },
      });
    expect((await send(FIRST)).status).toBe(200);
    expect((await send('another')).status).toBe(403);
  });
});

describe('a rotation', () => {
  it('is seen by the next read, on every host, and whoever uses the secret is told its name', async () => {
    await using beside = await host.startBeside();
    expect((await key(beside)).body).toBe(await digestOf(FIRST));
    vault.put('apps/shop', { key: SECOND, acme: OF_ACME });
    const rotate = ['magflock/secrets:rotate', 'API_KEY', '--extension', 'acme/shop'];
    const { exitCode, stdout } = await mag(rotate);
    expect([exitCode, JSON.parse(stdout)]).toMatchObject([0, { version: 2 }]);
    for (const at of [host, beside]) expect((await key(at)).body).toBe(await digestOf(SECOND));
    const told = async () => (await host.ask('GET', '/x/acme/shop/told')).body;
    const data = { name: 'API_KEY', extension: 'acme/shop', tenant: null, version: 2 };
    expect(await until(told, (event) => event?.version === 2)).toEqual(data);
    const { records } = (await host.ask('GET', '/v1/audit?action=secret.rotate')).body;
    expect(records).toMatchObject([
      { target: 'API_KEY', outcome: 'ok', detail: { of: 'acme/shop', version: 2 } },
    ]);
  });

  it('that is overdue is told of, by its name', async () => {
    const warn = () => host.ask('POST', `${SECRETS}/overdue`);
    expect((await warn()).body).toEqual({ warned: 0 });
    await host.database.pool.query("UPDATE mag.secret_mappings SET rotated_at = now() - interval '31 days'");
    expect((await warn()).body).toEqual({ warned: 1 });
    const { events } = (await host.ask('GET', '/v1/events?type=magflock.secrets.overdue')).body;
    expect(JSON.stringify(events)).toContain('"API_KEY"');
    expect(JSON.parse((await mag(['magflock/secrets:overdue'])).stdout)).toMatchObject([
      { secret: 'API_KEY' },
    ]);
  });
});

describe('tenants', () => {
  it('have a mapping of their own, which is said in the control plane', async () => {
    const path = `${SECRETS}/secrets/API_KEY${OF_SHOP}&tenant=t_acme`;
    const request = {
      body: { backend: 'vault:main', ref: 'apps/shop#acme' },
      headers: { 'if-none-match': '*' },
    };
    const theirs = await host.ask('PUT', path, { ...request, token: acme });
    expect([theirs.status, theirs.body.code]).toEqual([403, 'E_FORBIDDEN']);
    expect((await host.ask('PUT', path, request)).status).toBe(201);
    expect((await key(host, acme)).body).toBe(await digestOf(OF_ACME));
    expect((await key()).body).toBe(await digestOf(SECOND));
    for (const route of [
      'GET /secrets',
      'GET /backends',
      'GET /overdue',
      `POST /secrets/API_KEY/rotations`,
    ]) {
      const [method = '', at = ''] = route.split(' ');
      expect([route, (await host.ask(method, SECRETS + at, { token: acme })).status]).toEqual([route, 403]);
    }
    expect((await host.show('magflock/secrets')).state).toBe('enabled');
  });
});

describe('what an extension does not declare', () => {
  it('it is not given, however it is mapped', async () => {
    await mag([
      'magflock/secrets:map',
      'VAULT_TOKEN',
      'vault:main',
      'apps/shop#key',
      '--extension',
      'acme/shop',
    ]);
    expect((await host.ask('GET', '/x/acme/shop/foreign')).body.code).toBe('E_CAP_SCOPE');
    const stolen = [
      'magflock/secrets:map',
      'API_KEY',
      'environment',
      'VAULT_TOKEN',
      '--extension',
      'acme/shop',
    ];
    expect((await mag(stolen)).exitCode).not.toBe(0);
    expect((await key()).body).toBe(await digestOf(SECOND));
  });
});

describe('the value of a secret', () => {
  it('is nowhere but with who read it: no log, record, event, answer or line of the host has it', async () => {
    await host.shutdown();
    const env = { MAG_DATA_DIR: host.dataDir, DATABASE_URL: host.database.url, MAG_PORT: '0' };
    const child = new HostProcess({ ...env, MAG_LOG_LEVEL: 'debug', MAG_SECRET_VAULT_TOKEN: VAULT_TOKEN });
    await using _ended = { [Symbol.asyncDispose]: async () => void (await child.kill('SIGKILL')) };
    const url = await child.ready();
    const seen: string[] = [];
    const ask = async (method: string, path: string) => {
      const headers = { authorization: `Bearer ${host.token}`, 'content-type': 'application/json' };
      const body = method === 'GET' ? {} : { body: '{"args":{},"options":{},"stdin":null}' };
      const answer = await fetch(url + path, { method, headers, ...body });
      const text = await answer.text();
      seen.push(`${method} ${path}`, JSON.stringify([...answer.headers]), text);
      return [answer.status, text] as const;
    };
    expect(await ask('GET', '/x/acme/shop/key')).toEqual([200, await digestOf(SECOND)]);
    for (const path of ['/throw', '/throw-coded'])
      expect((await ask('GET', `/x/acme/shop${path}`))[0]).toBe(500);
    expect((await ask('POST', '/v1/commands/acme/shop/pay'))[0]).toBe(500);
    for (const path of ['/job', '/tell']) expect((await ask('POST', `/x/acme/shop${path}`))[0]).toBe(200);
    vault.mood = 'no-json';
    await ask('POST', '/x/magflock/secrets/secrets/API_KEY/rotations?extension=acme/shop');
    expect((await ask('GET', '/x/acme/shop/key'))[1]).toContain('E_SECRET_MISSING');
    vault.mood = 'well';
    const failed = () => ask('GET', '/v1/extensions/acme/shop/jobs');
    await until(failed, ([, text]) => text.includes('"failed"'));
    await until(
      () => ask('GET', '/v1/extensions/acme/shop/logs'),
      ([, text]) => text.includes('[redacted]'),
    );
    for (const path of [
      ...['/v1/secrets', '/v1/secret-backends', '/v1/audit?limit=1000', '/v1/events?limit=1000', '/v1/host'],
      ...['/v1/dead-letters', '/v1/subscriptions', '/metrics', '/v1/extensions/acme/shop'],
      ...[
        '/v1/extensions/acme/shop/health',
        '/v1/extensions/acme/shop/logs?limit=1000',
        `${SECRETS}/secrets`,
      ],
      ...[
        `${SECRETS}/secrets/API_KEY?extension=acme/shop`,
        `${SECRETS}/backends`,
        '/v1/extensions/magflock/secrets/logs',
      ],
    ])
      expect([path, (await ask('GET', path))[0]]).toEqual([path, 200]);
    const { code, stdout, stderr } = await child.kill('SIGTERM');
    expect([code, stdout.length > 0]).toEqual([0, true]);
    const found = (text: string) => VALUES.filter((value) => text.includes(value));
    expect(found(seen.join('\n'))).toEqual([]);
    expect(found(stdout + stderr)).toEqual([]);
    expect(found(await wholeDatabase())).toEqual([]);
    await host.boot();
  });

  /** Every row of every table, as text. */
  async function wholeDatabase(): Promise<string> {
    const { pool } = host.database;
    const { rows } = await pool.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
       WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    const texts: string[] = [];
    for (const { name } of rows) {
      const { rows: all } = await pool.query<{ text: string }>(`SELECT t::text AS text FROM ${name} t`);
      texts.push(...all.map(({ text }) => text));
    }
    const text = texts.join('\n');
    // The search would find what is there: bytes are shown as hex, and a mapping is text.
    expect(text).toContain('apps/shop#key');
    const hex = VALUES.map((value) => Buffer.from(value).toString('hex'));
    expect(hex.filter((value) => text.includes(value))).toEqual([]);
    return text;
  }
});

describe('after a restart', () => {
  it('the mappings, their history and the connection are there', async () => {
    expect((await key()).body).toBe(await digestOf(SECOND));
    expect((await key(host, acme)).body).toBe(await digestOf(OF_ACME));
    const shown = await host.ask('GET', `${SECRETS}/secrets/API_KEY${OF_SHOP}`);
    expect(shown.body.history.map((change: { action: string }) => change.action)).toEqual([
      ...['rotate', 'rotate', 'map'],
    ]);
    const etag = shown.headers.get('etag') ?? '';
    const remove = `${SECRETS}/secrets/API_KEY${OF_SHOP}`;
    expect((await host.ask('DELETE', '/v1/secret-backends/main')).body.code).toBe('E_STATE');
    expect((await host.ask('DELETE', remove, { headers: { 'if-match': etag } })).status).toBe(204);
    expect((await key()).body.code).toBe('E_SECRET_MISSING');
  });
});
