import { createHmac } from 'node:crypto';
import { cp, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { compactVerify, createLocalJWKSet } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packExtension } from '../../../host/packaging/index.ts';
import { ROOT_DIR } from '../../../host/paths.ts';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { runMag } from '../../support/mag-in-process.ts';
import { serving } from '../../support/sources.ts';

const ID = 'acme/shop';
const ENVIRONMENT_SECRET = 'geheim-aus-der-umgebung';

const SHOP = {
  manifest: serving(
    'shop',
    [
      'POST /order',
      'GET /wrong-labels',
      'GET /secret',
      'GET /foreign-secret',
      'GET /spill',
      'POST /sign',
      'GET /jwks',
    ],
    {
      capabilities: [
        { name: 'system.metrics', reason: 'Counts orders.' },
        { name: 'system.secrets', reason: 'Asks the bank.' },
        { name: 'system.keys', reason: 'Signs receipts.', scope: { keys: ['receipts'] } },
      ],
      secrets: [{ name: 'BANK_KEY', reason: 'Asks the bank.' }],
    },
  ),
  code: `const digest = async (text) => Array.from(new Uint8Array(
      await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))), (b) => b.toString(16).padStart(2, '0')).join('');
    export default {
      init: async (ctx) => { await ctx.metrics.gauge('started').set(1); },
      endpoints: {
        'POST /order': async (request, ctx) => {
          await ctx.metrics.counter('orders').inc(1, { kind: request.body.kind });
          await ctx.metrics.gauge('open').inc(2);
          await ctx.metrics.gauge('open').dec();
          await ctx.metrics.histogram('amount', { buckets: [10, 100] }).observe(request.body.amount);
          return { status: 201 };
        },
        'GET /wrong-labels': async (request, ctx) => { await ctx.metrics.counter('orders').inc(); return {}; },
        'GET /secret': async (request, ctx) => ({ body: { digest: await digest(await ctx.secrets.get('BANK_KEY')) } }),
        'GET /foreign-secret': async (request, ctx) => ({ body: await ctx.secrets.get('NOT_MINE') }),
        'GET /spill': async (request, ctx) => {
          const key = await ctx.secrets.get('BANK_KEY');
          ctx.log.info('asking with ' + key, { headers: { authorization: 'Bearer ' + key } });
          console.log({ key });
          throw new Error('the bank refused ' + key);
        },
        'POST /sign': async (request, ctx) => {
          const { signature, keyId } = await ctx.keys.sign('receipts', request.body.text);
          return { body: {
            keyId,
            isSound: await ctx.keys.verify('receipts', request.body.text, signature),
            isSoundForOthers: await ctx.keys.verify('receipts', 'another text', signature),
            isOfBytes: await ctx.keys.verify('receipts', new TextEncoder().encode(request.body.text), signature),
            jws: await ctx.keys.jws('receipts', request.body, { typ: 'receipt' }),
          } };
        },
        'GET /jwks': async (request, ctx) => {
          const { jwk, previous } = await ctx.keys.publicKey('receipts');
          return { body: { keys: [jwk, ...previous.map((one) => one.jwk)] } };
        },
      },
    };`,
};

let host: TestHost;
let author: Author;
let staged: { warnings: string[] };
beforeAll(async () => {
  const env = { MAG_SECRET_BANK_PRODUCTION: ENVIRONMENT_SECRET };
  [host, author] = await Promise.all([TestHost.start(env), Author.create('acme')]);
  await host.trust(author);
  const signed = await author.publish(SHOP);
  staged = (await host.stage(signed)).body;
  await host.run(signed);
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  await author[Symbol.asyncDispose]();
});

const mag = (args: string[], stdin?: string) =>
  runMag([...args, '--output', 'json'], {
    env: { MAG_URL: host.url, MAG_DATA_DIR: host.dataDir },
    cwd: host.dataDir,
    ...(stdin === undefined ? {} : { stdin }),
  });
const call = (route: string, body?: unknown) => {
  const [method = '', path = ''] = route.split(' ');
  return host.ask(method, `/x/acme/shop${path}`, body === undefined ? {} : { body });
};
const metrics = async () => (await host.ask('GET', '/metrics')).body as string;

describe('metrics of an extension', () => {
  it('are in /metrics under its own name, next to what the host counts', async () => {
    for (const amount of [5, 50]) expect((await call('POST /order', { kind: 'a', amount })).status).toBe(201);
    const text = await metrics();
    for (const line of [
      'mag_ext_acme_shop_started{extension="acme/shop"} 1',
      'mag_ext_acme_shop_orders{kind="a",extension="acme/shop"} 2',
      'mag_ext_acme_shop_open{extension="acme/shop"} 2',
      'mag_ext_acme_shop_amount_bucket{le="10",extension="acme/shop"} 1',
      'mag_ext_acme_shop_amount_sum{extension="acme/shop"} 55',
    ])
      expect(text).toContain(`${line}\n`);
    expect(text).toMatch(/magflock_cell_host_calls\{extension="acme\/shop"\} \d+/);
    expect((await call('GET /wrong-labels')).body.code).toBe('E_PARAMS');
  });
});

describe('secrets of an extension', () => {
  it('are missed until an operator binds them, and read anew from then on', async () => {
    expect(staged.warnings).toContain(
      'the secret BANK_KEY is missing: mag secret:set BANK_KEY --extension acme/shop',
    );
    expect((await host.show(ID)).warnings).toEqual([
      ...staged.warnings.filter((warning) => warning.includes('BANK_KEY')),
      'the key receipts is missing: mag key:create acme/shop receipts',
    ]);
    const [enable] = (await host.show(ID)).operations;
    expect(JSON.stringify(enable.steps)).toContain('the secret BANK_KEY is missing');
    expect((await call('GET /secret')).body.code).toBe('E_SECRET_MISSING');

    await mag(['secret:bind', 'BANK_KEY', '--extension', ID, '--to', 'BANK_PRODUCTION']);
    const fromEnvironment = (await call('GET /secret')).body.digest;
    expect(fromEnvironment).toMatch(/^[0-9a-f]{64}$/);
    const set = await mag(['secret:set', 'BANK_KEY', '--extension', ID], 'geheim-eins\n');
    expect([set.exitCode, JSON.parse(set.stdout)]).toEqual([
      0,
      { name: 'BANK_KEY', extension: ID, set: true },
    ]);
    expect((await stat(join(host.dataDir, 'secrets/acme/shop/BANK_KEY'))).mode & 0o777).toBe(0o600);
    const first = (await call('GET /secret')).body.digest;
    await mag(['secret:set', 'BANK_KEY', '--extension', ID], 'geheim-zwei\n');
    const second = (await call('GET /secret')).body.digest;
    expect(new Set([fromEnvironment, first, second]).size).toBe(3);

    const listed = JSON.parse((await mag(['secret:list'])).stdout);
    expect(listed).toMatchObject([
      { name: 'BANK_KEY', extension: ID, state: 'present', from: 'folder', use: 'Asks the bank.' },
      { name: 'BANK_PRODUCTION', extension: null, state: 'present', from: 'environment', use: ID },
    ]);
    expect(JSON.stringify((await host.show(ID)).warnings)).not.toContain('BANK_KEY');
  });

  it('never show: not in logs, records, errors, nor in what the host says of itself', async () => {
    await mag(['secret:set', 'BANK_KEY', '--extension', ID], 'geheim-"drei"\nzeile');
    expect((await call('GET /spill')).body.code).toBe('E_EXTENSION');
    const logs = async () => (await host.ask('GET', `/v1/extensions/${ID}/logs?limit=1000`)).body;
    const spilt = await until(logs, (body) => JSON.stringify(body).includes('the bank refused'));
    expect(JSON.stringify(spilt)).toContain('asking with [redacted]');
    expect(JSON.stringify(spilt)).toContain('Bearer [redacted]');
    expect(JSON.stringify(spilt)).toContain('the bank refused [redacted]');
    const audit = (await host.ask('GET', '/v1/audit?limit=500')).body;
    expect(audit.records).toContainEqual(
      expect.objectContaining({
        principal: `extension:${ID}`,
        action: 'secret.read',
        target: 'BANK_KEY',
        detail: {},
      }),
    );
    const said = [
      spilt,
      audit,
      await host.show(ID),
      (await host.ask('GET', '/v1/secrets')).body,
      (await host.ask('GET', '/v1/host')).body,
      (await host.ask('GET', '/v1/events?limit=500')).body,
    ];
    expect(JSON.stringify(said)).not.toMatch(/geheim/);
    const { rows } = await host.database.pool.query('SELECT l::text AS line FROM mag.logs l');
    expect(JSON.stringify(rows)).not.toMatch(/geheim/);
  });

  it('are those of the manifest only', async () => {
    await mag(['secret:set', 'NOT_MINE', '--extension', ID], 'geheim');
    expect((await call('GET /foreign-secret')).body.code).toBe('E_CAP_SCOPE');
    expect(await metrics()).toContain(`magflock_capability_denials{extension="${ID}",code="E_CAP_SCOPE"} 1`);
    const removed = () => mag(['secret:remove', 'NOT_MINE', '--extension', ID]);
    expect((await removed()).exitCode).toBe(0);
    expect(JSON.parse((await removed()).stdout).error.code).toBe('E_NOT_FOUND');
  });

  it('are set where the host is, by what comes on standard input', async () => {
    const elsewhere = await mag(['secret:set', 'A', '--url', 'http://192.0.2.1:7070'], 'x');
    expect([elsewhere.exitCode, JSON.parse(elsewhere.stdout).error.code]).toEqual([2, 'E_USAGE']);
    const empty = await mag(['secret:set', 'A'], '\n');
    expect([empty.exitCode, JSON.parse(empty.stdout).error.code]).toEqual([1, 'E_BAD_REQUEST']);
    const name = await mag(['secret:set', '../a'], 'x');
    expect([name.exitCode, JSON.parse(name.stdout).error.code]).toEqual([1, 'E_BAD_REQUEST']);
  });
});

describe('keys of an extension', () => {
  it('sign what anybody can verify, also what was signed before a rotation', async () => {
    expect((await call('POST /sign', { text: 'a' })).body.code).toBe('E_KEY_UNKNOWN');
    const made = await mag(['key:create', ID, 'receipts', '--type', 'p256']);
    expect([made.exitCode, JSON.parse(made.stdout).type]).toEqual([0, 'p256']);
    const before = (await call('POST /sign', { text: 'Grüße' })).body;
    expect(before).toMatchObject({ isSound: true, isSoundForOthers: false, isOfBytes: true });
    expect(before.keyId).toBe(JSON.parse(made.stdout).keyId);

    expect((await mag(['key:rotate', ID, 'receipts'])).exitCode).toBe(0);
    const after = (await call('POST /sign', { text: 'Grüße' })).body;
    const jwks = createLocalJWKSet((await call('GET /jwks')).body);
    for (const { jws, keyId } of [before, after]) {
      const { payload, protectedHeader } = await compactVerify(jws, jwks);
      expect(JSON.parse(Buffer.from(payload).toString())).toEqual({ text: 'Grüße' });
      expect(protectedHeader).toEqual({ typ: 'receipt', alg: 'ES256', kid: keyId });
    }
    const [listed] = JSON.parse((await mag(['key:list', ID])).stdout);
    expect(listed).toMatchObject({ keyId: after.keyId, previous: [{ keyId: before.keyId }] });
  });
});

describe('the example signer', () => {
  it('signs for who knows the shared secret', async () => {
    await using example = await Author.create('example');
    const dir = join(host.dataDir, 'signer'); // packing writes into it
    await cp(join(ROOT_DIR, 'extensions/examples/signer'), dir, { recursive: true });
    const { file } = await packExtension(dir);
    const archive = await readFile(file);
    await host.trust(example);
    await host.run({ id: 'example/signer', version: '1.0.0', archive, bundle: await example.sign(archive) });
    await mag(['secret:set', 'SHARED_SECRET', '--extension', 'example/signer'], 'known to both\n');
    await mag(['key:create', 'example/signer', 'documents']);
    const document = '{"paid":"12 €"}';
    const sign = (secret: string) =>
      fetch(`${host.url}/x/example/signer/sign`, {
        method: 'POST',
        body: document,
        headers: { 'x-signature': createHmac('sha256', secret).update(document).digest('hex') },
      });
    expect((await sign('guessed')).status).toBe(401);
    const signed = await sign('known to both');
    const jwks = (await host.ask('GET', '/x/example/signer/keys', { token: null })).body;
    const { payload } = await compactVerify(await signed.text(), createLocalJWKSet(jwks));
    expect(Buffer.from(payload).toString()).toBe(document);
    expect(await metrics()).toContain(
      'mag_ext_example_signer_documents{outcome="signed",extension="example/signer"} 1',
    );
  });
});

describe('an uninstall', () => {
  it('takes the numbers; keys and secrets stay, unless all is purged', async () => {
    await host.operate(ID, 'disable');
    expect(await metrics()).not.toContain('mag_ext_acme_shop');
    await host.operate(ID, 'uninstall');
    expect(await metrics()).not.toContain('extension="acme/shop"');
    const there = (path: string) =>
      stat(join(host.dataDir, path)).then(
        () => true,
        () => false,
      );
    const kept = ['secrets/acme/shop', 'keys/acme/shop'];
    expect(await Promise.all(kept.map(there))).toEqual([true, true]);
    await host.run(await author.publish(SHOP));
    expect((await call('POST /sign', { text: 'x' })).status).toBe(200);
    expect(await metrics()).not.toContain('mag_ext_acme_shop_orders');
    await host.operate(ID, 'disable');
    const purged = await host.operate(ID, 'uninstall', { purge: true });
    expect(purged.body.state).toBe('succeeded');
    expect(await Promise.all(kept.map(there))).toEqual([false, false]);
  });
});
