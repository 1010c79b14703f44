import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MagError } from '../../../kernel/errors.ts';
import { createTestGateway, type TestGateway } from './test-gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await createTestGateway();
});
afterAll(() => gateway[Symbol.asyncDispose]());

const HELLO = '/v1/extensions/acme/hello';

describe('probes', () => {
  it('answers liveness without a token', async () => {
    const answer = await gateway.inject(null, { url: '/healthz' });
    expect([answer.statusCode, answer.json()]).toEqual([200, { status: 'ok' }]);
  });

  it('is ready with details while the database answers', async () => {
    const answer = await gateway.inject(null, { url: '/readyz' });
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({
      ready: true,
      checks: { database: { ok: true } },
      degradations: [{ name: 'cgroup', detail: 'not writable' }],
    });
  });
});

describe('what this host is', () => {
  it('tells about itself, its startup and its catalogues', async () => {
    expect((await gateway.inject('operator', { url: '/v1/host' })).json()).toMatchObject({
      version: '1.0.0',
    });
    expect((await gateway.inject('author', { url: '/v1/startup' })).json()).toMatchObject({
      state: 'started',
      extensions: [{ extension: 'acme/hello', state: 'started' }],
    });
    const { capabilities } = (await gateway.inject('author', { url: '/v1/capabilities' })).json();
    expect(capabilities).toContainEqual(
      expect.objectContaining({ name: 'database.read', family: 'database' }),
    );
    const { hooks } = (await gateway.inject('author', { url: '/v1/hooks' })).json();
    expect(hooks).toContainEqual(expect.objectContaining({ name: 'maggate.wrap_request' }));
    const { eventTypes } = (await gateway.inject('author', { url: '/v1/event-types' })).json();
    expect(eventTypes).toContainEqual(
      expect.objectContaining({ name: 'acme.hello.greeted', extension: 'acme/hello' }),
    );
    expect(eventTypes).toContainEqual(expect.objectContaining({ name: 'extension.installed' }));
  });
});

describe('extensions', () => {
  it('lists them in pages', async () => {
    const other = gateway.operator.detail;
    gateway.operator.more = [{ ...other, record: { ...other.record, id: 'zeta/last' } }];
    const first = (await gateway.inject('author', { url: '/v1/extensions?limit=1' })).json();
    expect(first.extensions).toEqual([expect.objectContaining({ id: 'acme/hello', state: 'enabled' })]);
    const second = (await gateway.inject('author', { url: first.next })).json();
    expect(second).toMatchObject({ extensions: [{ id: 'zeta/last' }], next: null });
    gateway.operator.more = [];
  });

  it('shows one flat, without its configuration', async () => {
    const shown = (await gateway.inject('author', { url: HELLO })).json();
    expect(shown).toMatchObject({
      id: 'acme/hello',
      version: '1.2.0',
      state: 'enabled',
      grants: [{ capability: 'api.register_endpoint', scope: null, uses: 5 }],
      capabilities: [
        { name: 'api.register_endpoint', granted: true },
        { name: 'database.read', granted: false, scope: { tables: ['public.users'] } },
      ],
      health: { state: 'enabled', healthy: true, process: { pid: 4242, restarts: 1 } },
      versions: [{ version: '1.2.0', signedBy: 'acme-2026' }],
      contributions: { endpoints: [{ path: '/greet/:name' }] },
      limits: { cpuMs: 400 }, // what its tier allows of what it asks for
    });
    expect(shown).not.toHaveProperty('config');
  });

  it('asks for its health and shows its usage', async () => {
    const health = (await gateway.inject('author', { url: `${HELLO}/health` })).json();
    expect(health).toMatchObject({ state: 'enabled', healthy: true, detail: { queue: 3 } });
    expect(health.alerts).toMatchObject([{ version: '1.1.0', code: 'E_LIMIT_WALL', detail: 'slow' }]);
    const usage = (await gateway.inject('author', { url: `${HELLO}/usage` })).json();
    expect(usage.capabilities).toEqual([
      expect.objectContaining({ name: 'api.register_endpoint', granted: true, uses: 5 }),
      expect.objectContaining({ name: 'database.read', granted: false, uses: 0, lastUsedAt: null }),
    ]);
    expect(usage.limits.cpuMs).toBe(400);
    expect(usage.process).toMatchObject({
      recycled: 3,
      hostCalls: 7,
      refused: { E_LIMIT_RATE: 4 },
      droppedLogs: 5,
      hostMs: 12,
    });
    expect(usage.components).toEqual({
      total: { egressSentBytes: 900 },
      sinceCheck: { egressSentBytes: 40 },
    });
  });

  it('answers 404 for one that is not there, and 400 for an id that is none', async () => {
    const missing = await gateway.inject('author', { url: '/v1/extensions/acme/nothing' });
    expect([missing.statusCode, missing.json().code]).toEqual([404, 'E_NOT_FOUND']);
    const malformed = await gateway.inject('author', { url: '/v1/extensions/AC-ME/x' });
    expect([malformed.statusCode, malformed.json().code]).toEqual([400, 'E_BAD_REQUEST']);
  });
});

describe('moves', () => {
  it.each([
    ['install', { version: '1.2.0', approve: 'all', config: { a: 1 } }],
    ['install', { version: '1.2.0', approve: ['database.read'] }],
    ['enable', undefined],
    ['disable', {}],
    ['uninstall', { purge: true }],
  ])('%s is accepted with an operation to follow', async (verb, payload) => {
    const answer = await gateway.inject('operator', {
      method: 'POST',
      url: `${HELLO}/${verb}`,
      ...(payload ? { payload } : { headers: { 'content-type': 'application/json' } }),
    });
    expect(answer.statusCode).toBe(202);
    const { operation } = answer.json();
    expect(answer.headers.location).toBe(`/v1/operations/${operation}`);
    const asked = gateway.operator.asked.at(-1);
    expect(asked?.what).toBe(verb);
    expect(asked?.with).toMatchObject({ id: 'acme/hello', ...payload });
    expect(asked?.by.id).toMatch(/^token:/);
    await gateway.operator.end(operation);
  });

  it('uninstalls without purging when nothing is said', async () => {
    const answer = await gateway.inject('operator', { method: 'POST', url: `${HELLO}/uninstall` });
    expect(gateway.operator.asked.at(-1)?.with).toEqual({ id: 'acme/hello', purge: false });
    await gateway.operator.end(answer.json().operation);
  });

  it.each([
    {},
    { version: '1.2.0' },
    { version: '1.2.0', approve: 'some' },
    { version: 7, approve: 'all' },
    { version: '1.2.0', approve: 'all', extra: 1 },
  ])('refuses to install with %o', async (payload) => {
    const answer = await gateway.inject('operator', { method: 'POST', url: `${HELLO}/install`, payload });
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'E_BAD_REQUEST']);
  });

  it('passes on why a move is refused', async () => {
    gateway.operator.refusal = new MagError('E_STATE', 'It runs.');
    const answer = await gateway.inject('operator', { method: 'POST', url: `${HELLO}/enable` });
    expect(answer.json()).toMatchObject({ status: 409, code: 'E_STATE', detail: 'It runs.' });
  });
});

describe('grants and configuration', () => {
  const url = `${HELLO}/grants/database.read`;

  it('grants with a scope, without one, and revokes', async () => {
    const scope = { tables: ['public.users'] };
    await gateway.inject('operator', { method: 'PUT', url, payload: { scope } });
    expect(gateway.operator.asked.at(-1)?.with).toEqual({
      id: 'acme/hello',
      capability: 'database.read',
      scope,
    });
    const bare = await gateway.inject('operator', { method: 'PUT', url });
    expect(bare.statusCode).toBe(200);
    expect(gateway.operator.asked.at(-1)?.with).toMatchObject({ scope: null });
    const revoked = await gateway.inject('operator', { method: 'DELETE', url });
    expect(revoked.json()).toMatchObject({ granted: false });
    expect(gateway.operator.asked.at(-1)?.what).toBe('revoke');
  });

  it.each([{ scope: 'all' }, { scope: { tables: 'public.users' } }, { scop: {} }])(
    'refuses a grant of %o',
    async (payload) => {
      const answer = await gateway.inject('operator', { method: 'PUT', url, payload });
      expect([answer.statusCode, answer.json().code]).toEqual([400, 'E_BAD_REQUEST']);
    },
  );

  it('reads and replaces the configuration', async () => {
    const put = await gateway.inject('operator', {
      method: 'PUT',
      url: `${HELLO}/config`,
      payload: { a: 1 },
    });
    expect(put.json()).toEqual({ a: 1 });
    expect((await gateway.inject('auditor', { url: `${HELLO}/config` })).json()).toEqual({ a: 1 });
  });
});
