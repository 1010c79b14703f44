import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { packExtension } from '../../../../host/packaging/index.ts';
import { Author } from '../../../support/author.ts';
import { type Answer, TestHost, until } from '../../../support/host.ts';
import { runMag } from '../../../support/mag-in-process.ts';
import { serving } from '../../../support/sources.ts';

const LOGIN = '/auth/login/example/company-login/kiosk';
const NOTICES = '/x/example/company-login/notices';
const SET_PIN = ['secret:set', 'KIOSK_PIN', '--extension', 'example/company-login'];
const SOURCE = new URL('../../../../extensions/examples/company-login/', import.meta.url);

let host: TestHost;
let author: Author;
let folder: string;

beforeAll(async () => {
  [host, author, folder] = await Promise.all([
    TestHost.start(),
    Author.create('example'),
    mkdtemp(join(tmpdir(), 'company-login-')),
  ]);
  await host.trust(author);
  await cp(SOURCE, folder, { recursive: true });
  const archive = await readFile((await packExtension(folder)).file);
  const bundle = await author.sign(archive);
  await host.run({ id: 'example/company-login', version: '1.0.0', archive, bundle });
  await mag(SET_PIN, '1234');
});
beforeEach(() => host.database.pool.query('DELETE FROM mag.login_attempts'));
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  await author[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function mag(
  argv: readonly string[],
  stdin?: string,
  on = host,
): Promise<ReturnType<typeof JSON.parse>> {
  const env = { MAG_URL: on.url, MAG_DATA_DIR: on.dataDir };
  const options = { env, cwd: on.dataDir, ...(stdin === undefined ? {} : { stdin }) };
  const { exitCode, stdout } = await runMag([...argv, '--output', 'json', '--yes'], options);
  return { exitCode, ...(stdout === '' ? {} : { answer: JSON.parse(stdout) }) };
}

const logIn = (credentials: string, username = 'hall', on = host): Promise<Answer> =>
  on.ask('POST', LOGIN, { token: null, body: { username, credentials } });

async function session(): Promise<{ token: string; id: string; user: string }> {
  const { body } = await logIn('1234');
  return { token: body.token, id: body.token.split('_')[1], user: body.principal.id.slice('user:'.length) };
}

const codes = (...answers: Answer[]) => answers.map(({ status, body }) => body.code ?? status);

describe('a login with credentials that an extension checks', () => {
  it('answers with a session, as a bearer token and as a cookie', async () => {
    const answer = await logIn('1234');
    expect(answer).toMatchObject({
      status: 201,
      body: {
        token: expect.stringMatching(/^mags_[0-9a-f]{16}_[0-9a-f]{64}$/),
        principal: { id: expect.stringMatching(/^user:/), name: 'Kiosk' },
        tenant: 't_company',
      },
    });
    const [cookie = ''] = answer.headers.getSetCookie();
    expect(cookie).toMatch(/^mag_session=mags_\w+; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax$/);
    const who = await host.ask('GET', '/auth/session', { token: answer.body.token });
    expect(who.body).toMatchObject({
      kind: 'session',
      principal: { name: 'Kiosk', role: 'staff' },
      membership: { tenantId: 't_company', roles: ['staff'] },
    });
    const headers = { cookie: cookie.split(';')[0] ?? '' };
    expect((await host.ask('GET', NOTICES, { token: null, headers })).status).toBe(200);
  });

  it('tells its reason when it refuses, and nothing of itself', async () => {
    const { status, body } = await logIn('4321');
    expect([status, body.code, body.detail]).toEqual([403, 'E_LOGIN_REFUSED', 'The PIN is wrong.']);
  });

  it('is throttled by who somebody says to be, from wherever, on all hosts together', async () => {
    const beside = await host.startBeside();
    await mag(SET_PIN, '1234', beside);
    const tries: Answer[] = [];
    for (let i = 0; i < 11; i++) tries.push(await logIn('4321', 'Hall', i % 2 === 0 ? host : beside));
    expect(codes(...tries)).toEqual([...Array(10).fill('E_LOGIN_REFUSED'), 'E_RATE_LIMITED']);
    expect(Number(tries.at(-1)?.headers.get('retry-after'))).toBeGreaterThan(60);
    expect(codes(await logIn('1234', 'hall'), await logIn('1234', 'HALL', beside))).toEqual([
      'E_RATE_LIMITED',
      'E_RATE_LIMITED',
    ]);
    expect((await logIn('1234', 'garden')).status).toBe(201);
    await beside[Symbol.asyncDispose]();
  });

  it('is throttled by the address, whoever somebody says to be', async () => {
    const tries = await Promise.all(Array.from({ length: 40 }, (_, i) => logIn('4321', `name ${i}`)));
    expect(codes(...tries).filter((code) => code === 'E_LOGIN_REFUSED')).toHaveLength(30);
    expect(codes(await logIn('1234', 'garden'))).toEqual(['E_RATE_LIMITED']);
  });

  it('does not count what is no fault of the visitor', async () => {
    await mag(['secret:remove', 'KIOSK_PIN', '--extension', 'example/company-login']);
    for (let i = 0; i < 11; i++) expect(codes(await logIn('1234'))).toEqual(['E_SECRET_MISSING']);
    await mag(SET_PIN, '1234');
    expect((await logIn('1234')).status).toBe(201);
  });

  it('forgets the tries before one that is good', async () => {
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 8; i++) await logIn('4321');
      expect((await logIn('1234')).status).toBe(201);
    }
  });
});

describe('a session', () => {
  it('in a cookie changes nothing at the word of another site', async () => {
    const { token } = await session();
    const headers = { cookie: `mag_session=${token}` };
    const post = (more: object) =>
      host.ask('POST', '/auth/logout', { token: null, headers: { ...headers, ...more } });
    expect(
      codes(await post({}), await post({ origin: 'https://evil.example' }), await post({ origin: 'null' })),
    ).toEqual(['E_FORBIDDEN', 'E_FORBIDDEN', 'E_FORBIDDEN']);
    const twice = { cookie: `mag_session=${token}; mag_session=${token}` };
    expect(codes(await host.ask('GET', '/auth/session', { token: null, headers: twice }))).toEqual([
      'E_AUTH_REQUIRED',
    ]);
    expect((await post({ origin: host.url })).body).toEqual({ loggedOut: true });
    expect(codes(await host.ask('GET', '/auth/session', { token }))).toEqual(['E_AUTH_REQUIRED']);
  });

  it('ends when it rests, and in the end however much it is used', async () => {
    const [resting, old, used] = [await session(), await session(), await session()];
    const set = (id: string, change: string) =>
      host.database.pool.query(`UPDATE mag.sessions SET ${change} WHERE id = $1`, [id]);
    await set(resting.id, "last_seen_at = now() - interval '31 minutes'");
    await set(old.id, "expires_at = now() - interval '1 second'");
    await set(used.id, "last_seen_at = now() - interval '29 minutes'");
    const ask = ({ token }: { token: string }) => host.ask('GET', '/auth/session', { token });
    expect(codes(await ask(resting), await ask(old), await ask(used))).toEqual([
      'E_AUTH_REQUIRED',
      'E_AUTH_REQUIRED',
      200,
    ]);
    const { rows } = await host.database.pool.query(
      "SELECT last_seen_at > now() - interval '1 minute' AS fresh FROM mag.sessions WHERE id = $1",
      [used.id],
    );
    expect(rows).toEqual([{ fresh: true }]);
  });

  it('is listed, and ended by an operator within a second on every host', async () => {
    const beside = await host.startBeside();
    const { token, id, user } = await session();
    const ask = (on: TestHost) => on.ask('GET', '/auth/session', { token });
    expect(codes(await ask(host), await ask(beside))).toEqual([200, 200]);
    const { answer } = await mag(['session:list', '--user', user]);
    expect(answer).toContainEqual(
      expect.objectContaining({ id, user, name: 'Kiosk', provider: 'example/company-login#kiosk' }),
    );
    expect(await mag(['session:revoke', id])).toEqual({ exitCode: 0, answer: { id, revoked: true } });
    expect(codes(await ask(host))).toEqual(['E_AUTH_REQUIRED']);
    await until(
      () => ask(beside),
      ({ status }) => status === 401,
    );
    expect((await mag(['session:revoke', id])).exitCode).toBe(1);
    await beside[Symbol.asyncDispose]();
  });
});

describe('users and their roles', () => {
  it('are made, given roles, locked out and removed', async () => {
    const { answer: user } = await mag([
      'user:create',
      'Grace',
      '--tenant',
      't_company',
      '--email',
      'g@example.com',
    ]);
    expect(user).toMatchObject({ name: 'Grace', kind: 'user', tenant: 't_company' });
    const token = (
      await mag(['token:create', 'laptop', '--role', 'editor', '--tenant', 't_company', '--user', user.id])
    ).answer.token;
    const read = () => host.ask('GET', NOTICES, { token });
    const write = () => host.ask('POST', NOTICES, { token, body: 'Lunch' });
    expect(codes(await read())).toEqual(['E_FORBIDDEN']); // she has no such role
    await mag(['role:assign', user.id, 'editor', '--tenant', 't_company']);
    expect(codes(await read(), await write())).toEqual([200, 201]);
    expect((await mag(['user:show', user.id])).answer.roles).toMatchObject([
      { tenant: 't_company', role: 'editor', source: 'operator' },
    ]);
    await mag(['role:unassign', user.id, 'editor', '--tenant', 't_company']);
    expect(codes(await read())).toEqual(['E_FORBIDDEN']);
    await mag(['role:assign', user.id, 'editor', '--tenant', 't_company']);
    await mag(['user:disable', user.id]);
    expect(codes(await read())).toEqual(['E_AUTH_REQUIRED']);
    await mag(['user:enable', user.id]);
    expect(codes(await read())).toEqual([200]);
    await mag(['user:remove', user.id]);
    expect(codes(await read())).toEqual(['E_AUTH_REQUIRED']);
    const { answer: records } = await mag(['audit:list']);
    const actions = records.map(({ action }: { action: string }) => action);
    for (const action of [
      'user.create',
      'user.disable',
      'user.enable',
      'user.remove',
      'role.assign',
      'role.unassign',
    ])
      expect(actions).toContain(action);
  });

  it('work for operators who log in, as an owner says', async () => {
    const { token, user } = await session();
    const ask = () => host.ask('GET', '/v1/host', { token, headers: { 'x-tenant-id': 't_system' } });
    expect(codes(await ask())).toEqual(['E_FORBIDDEN']);
    await mag(['role:assign', user, 'operator', '--tenant', 't_system']);
    expect(codes(await ask())).toEqual([200]);
    await logIn('1234'); // a login brings up to date what the provider gave, and nothing else
    expect(codes(await ask())).toEqual([200]);
    await mag(['role:unassign', user, 'operator', '--tenant', 't_system']);
  });

  it('may what operators and extensions say', async () => {
    const make = (role: string) => mag(['token:create', role, '--role', role, '--tenant', 't_company']);
    const [staff, clerk] = [(await make('staff')).answer.token, (await make('clerk')).answer.token];
    const use = async (token: string) =>
      codes(
        await host.ask('GET', NOTICES, { token }),
        await host.ask('POST', NOTICES, { token, body: 'Tea' }),
      );
    expect(await use(staff)).toEqual([200, 'E_FORBIDDEN']);
    expect(await use(clerk)).toEqual(['E_FORBIDDEN', 'E_FORBIDDEN']);
    const permission = ['--permission', 'example/company-login:notices:write'];
    await mag(['role:define', 'clerk', '--description', 'Writes', ...permission]);
    expect(await use(clerk)).toEqual(['E_FORBIDDEN', 201]);
    expect((await mag(['role:list'])).answer).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: 'owner', extension: null }),
        expect.objectContaining({ name: 'clerk', extension: null }),
        expect.objectContaining({ name: 'staff', extension: 'example/company-login' }),
      ]),
    );
    await mag(['role:remove', 'clerk']);
    expect(await use(clerk)).toEqual(['E_FORBIDDEN', 'E_FORBIDDEN']);
    const refused = await mag(['role:define', 'owner', '--description', 'All', ...permission]);
    expect([refused.exitCode, refused.answer.error.code]).toEqual([1, 'E_ROLE']);
  });

  it('are asked of the guard of an extension', async () => {
    const { token } = await session();
    await host.ask('PUT', '/v1/extensions/example/company-login/config', { body: { closed: true } });
    await host.operate('example/company-login', 'disable');
    await host.operate('example/company-login', 'enable');
    const answer = await host.ask('GET', NOTICES, { token });
    expect([answer.status, answer.body.code, answer.body.veto]).toEqual([
      403,
      'CLOSED',
      { extension: 'example/company-login', hook: 'magauth.permission_resolver' },
    ]);
    await host.ask('PUT', '/v1/extensions/example/company-login/config', { body: {} });
    await host.operate('example/company-login', 'disable');
    await host.operate('example/company-login', 'enable');
  });

  it('are changed by an extension that may, in its tenant, and never to those of the host', async () => {
    const editor = (await mag(['token:create', 'e', '--role', 'editor', '--tenant', 't_company'])).answer
      .token;
    const { user } = await session();
    const stranger = (await mag(['user:create', 'Stranger', '--tenant', 't_other'])).answer.id;
    const give = (id: string) =>
      host.ask('POST', `/x/example/company-login/editors/user:${id}`, { token: editor });
    expect(codes(await give(stranger))).toEqual(['E_NOT_FOUND']);
    expect([(await give(user)).body, (await give(user)).body]).toEqual([
      { assigned: true },
      { assigned: false },
    ]);
    const { body } = await host.ask('GET', '/x/example/company-login/editors', { token: editor });
    expect(body.editors).toEqual([{ id: `user:${user}`, name: 'Kiosk' }]);
    expect(body.given).toMatchObject([
      { target: `user:${user}`, principal: 'extension:example/company-login' },
    ]);
    const greedy = serving('greedy', ['POST /take'], {
      capabilities: [{ name: 'auth.modify_roles', reason: 'Wants more.' }],
    });
    const code = `export default { endpoints: { 'POST /take': async (request, ctx) =>
      ({ body: await ctx.auth.roles.assign(ctx.request.principal.id, 'owner') }) } };`;
    await host.run(await author.publish({ manifest: greedy, code }));
    const { token } = await session();
    expect(codes(await host.ask('POST', '/x/example/greedy/take', { token }))).toEqual(['E_ROLE']);
  });
});

describe('a token', () => {
  it('can be narrowed to reading, and to paths', async () => {
    const make = async (...options: string[]) =>
      (await mag(['token:create', 'narrow', '--role', 'owner', ...options])).answer.token as string;
    const [reader, host1] = [await make('--read-only'), await make('--path', '/v1/host', '/v1/users')];
    const ask = (method: string, path: string, token: string) =>
      host.ask(method, path, { token, ...(method === 'GET' ? {} : { body: { name: 'x' } }) });
    expect(codes(await ask('GET', '/v1/users', reader), await ask('POST', '/v1/users', reader))).toEqual([
      200,
      'E_FORBIDDEN',
    ]);
    expect(
      codes(
        await ask('GET', '/v1/host', host1),
        await ask('GET', '/v1/hosts', host1),
        await ask('GET', '/v1/users/none', host1),
        await ask('GET', '/v1/tokens', host1),
      ),
    ).toEqual([200, 'E_FORBIDDEN', 'E_BAD_REQUEST', 'E_FORBIDDEN']);
  });
});

describe('an extension that may read the audit log', () => {
  it('is told of every record', async () => {
    await session();
    const logs = async () => (await host.ask('GET', '/v1/extensions/example/company-login/logs')).body.lines;
    await until(logs, (lines) => JSON.stringify(lines).includes('somebody logged in'));
  });

  it('leaves nothing behind when it is uninstalled', async () => {
    const { token, user } = await session();
    expect((await mag(['user:show', user])).answer.roles).toHaveLength(2);
    await host.operate('example/company-login', 'disable');
    expect((await host.operate('example/company-login', 'uninstall', { purge: true })).body.state).toBe(
      'succeeded',
    );
    expect((await mag(['user:show', user])).answer.roles).toEqual([]);
    expect(codes(await host.ask('GET', '/auth/session', { token }), await logIn('1234'))).toEqual([
      'E_AUTH_REQUIRED',
      'E_NOT_FOUND',
    ]);
  });
});
