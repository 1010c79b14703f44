import { describe, expect, it } from 'vitest';
import {
  createEvent,
  createInvocation,
  createJob,
  createRecordingContext,
  createRequest,
} from '#sdk/testing';
import secrets from '../src/index.ts';

const { endpoints, commands, jobs } = secrets;
const target = { backend: 'vault:main', ref: 'apps/shop#key' };
const put = (headers: Record<string, string>, body: unknown = target, query = {}) =>
  createRequest({
    method: 'PUT',
    path: '/secrets/PAY_KEY',
    params: { name: 'PAY_KEY' },
    headers,
    body: body as never,
    query,
  });

describe('the mapping of a secret', () => {
  it('is made once, changed from what was seen, and removed', async () => {
    const ctx = createRecordingContext();
    const write = (headers: Record<string, string>) => endpoints['PUT /secrets/:name'](put(headers), ctx);
    expect(await write({ 'if-none-match': '*' })).toMatchObject({ status: 201, headers: { etag: '"1"' } });
    expect(await write({ 'if-none-match': '*' })).toMatchObject({ status: 412, headers: { etag: '"1"' } });
    expect(await write({ 'if-match': '"1"' })).toMatchObject({ status: 200, headers: { etag: '"2"' } });
    expect(await write({})).toMatchObject({ status: 428 });
    expect(await write({ 'if-match': 'W/"2"' })).toMatchObject({ status: 428 });
    const shown = await endpoints['GET /secrets/:name'](put({}), ctx);
    expect(shown).toMatchObject({ headers: { etag: '"2"' }, body: { name: 'PAY_KEY', mapping: target } });
    expect((shown.body as { history: unknown[] }).history).toHaveLength(2);
    const remove = (headers: Record<string, string>) => endpoints['DELETE /secrets/:name'](put(headers), ctx);
    expect(await remove({})).toMatchObject({ status: 428 });
    expect(await remove({ 'if-match': '"1"' })).toMatchObject({ status: 412 });
    expect(await remove({ 'if-match': '"2"' })).toEqual({ status: 204 });
    expect(await remove({ 'if-match': '"2"' })).toMatchObject({ status: 404 });
    expect(await endpoints['GET /secrets/:name'](put({}), ctx)).toMatchObject({ status: 404 });
  });

  it.each([
    null,
    'text',
    [],
    {},
    { backend: 1, ref: 'A' },
    { ...target, value: 'geheim' },
    { ...target, rotateAfterDays: '9' },
  ])('is not made of %j', async (body) => {
    const ctx = createRecordingContext();
    const answer = await endpoints['PUT /secrets/:name'](put({ 'if-none-match': '*' }, body), ctx);
    expect([answer.status, ctx.calls]).toEqual([400, []]);
  });

  it('is of an extension or a tenant where the address says so', async () => {
    const ctx = createRecordingContext();
    const query = { extension: 'acme/shop', tenant: 't_acme' };
    await endpoints['PUT /secrets/:name'](put({ 'if-none-match': '*' }, target, query), ctx);
    expect(ctx.calls[0]?.args[0]).toEqual({ name: 'PAY_KEY', ...query });
    expect(await endpoints['GET /secrets/:name'](put({}), ctx)).toMatchObject({ status: 404 });
  });
});

describe('the commands', () => {
  it('map, rotate, check, list and unmap', async () => {
    const ctx = createRecordingContext();
    const args = { name: 'PAY_KEY', ...target };
    const run = (command: keyof typeof commands, options = {}) =>
      commands[command](createInvocation(command, { args, options }), ctx);
    expect((await run('map', { 'rotate-after-days': 9 })).text).toBe(
      'PAY_KEY is read from vault:main (version 1)',
    );
    expect(await run('map', { 'if-version': 0 })).toMatchObject({
      exitCode: 1,
      data: { error: { code: 'STALE' } },
    });
    expect((await run('rotate')).data).toMatchObject({ version: 2 });
    expect(await run('check')).toMatchObject({ exitCode: 0, data: { state: 'present' } });
    expect((await run('list')).text?.split('\n')[1]).toMatch(/^PAY_KEY {2}- {3}- +unchecked {2}vault:main/);
    expect((await run('list', { state: 'missing' })).data).toEqual([]);
    expect((await run('history')).data).toMatchObject([{ what: 'rotate' }, { what: 'map' }]);
    expect((await run('backends')).data).toMatchObject([{ backend: 'folder' }, { backend: 'environment' }]);
    expect(await run('unmap')).toMatchObject({ data: { version: 3 } });
    expect(await run('unmap')).toMatchObject({ exitCode: 1, data: { error: { code: 'NOT_FOUND' } } });
  });
});

describe('secrets that are too old', () => {
  it('are told of, by their names', async () => {
    const ctx = createRecordingContext();
    await ctx.secrets.mappings.set({ name: 'PAY_KEY' }, { ...target, rotateAfterDays: 1 });
    await ctx.secrets.mappings.set({ name: 'NEVER_OLD' }, target);
    await jobs.warn(createJob('warn'), ctx);
    const published = ctx.calls.filter(({ name }) => name === 'events.publish');
    expect(published.map(({ args }) => args.slice(0, 2))).toMatchObject([
      ['magflock.secrets.overdue', { name: 'PAY_KEY', backend: 'vault:main' }],
    ]);
    expect((await commands.overdue(createInvocation('overdue'), ctx)).data).toHaveLength(1);
  });
});

describe('a tenant that was erased', () => {
  const TYPE = 'magflock.tenancy.tenant_erased';

  it('has no mapping any more, and no other tenant is touched', async () => {
    const ctx = createRecordingContext();
    for (const key of [{}, { tenant: 't_a' }, { tenant: 't_a', extension: 'acme/shop' }, { tenant: 't_b' }])
      await ctx.secrets.mappings.set({ name: 'PAY_KEY', ...key }, target);
    for (const _twice of [1, 2]) await secrets.events[TYPE](createEvent(TYPE, { tenant: 't_a' }), ctx);
    const left = (await ctx.secrets.mappings.list()).secrets.filter(({ mapping }) => mapping !== null);
    expect(left.map(({ tenant }) => tenant)).toEqual([null, 't_b']);
  });

  it('is not believed when a tenant says so', async () => {
    const request = { tenantId: 't_b', env: 'prod', principal: null, membership: null, mode: null };
    const ctx = createRecordingContext({
      request: { ...request, traceId: '0af7651916cd43dd8448eb211c80319c' },
    });
    await secrets.events[TYPE](createEvent(TYPE, { tenant: 't_b' }), ctx);
    expect(ctx.calls.map(({ name }) => name)).toEqual(['log.warn']);
  });
});
