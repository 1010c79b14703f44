import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { serving } from '../../support/sources.ts';

/** Answers with what a call came to, or with the code and message it failed with. */
const CALLING = `const call = (extension, method, params) => async (_request, ctx) => {
  try {
    return { body: { answer: await ctx.extensions.call(extension, method, params) } };
  } catch ({ code, message }) {
    return { body: { code, message } };
  }
};`;
const ANY = '^1.0.0';

describe('calls from one extension to another', () => {
  let host: TestHost;
  let acme: Author;
  let globex: Author;

  beforeAll(async () => {
    [host, acme, globex] = await Promise.all([
      TestHost.start(),
      Author.create('acme'),
      Author.create('globex'),
    ]);
    await Promise.all([host.trust(acme), host.trust(globex)]);
    await host.database.pool.query(`CREATE TABLE public.users (id int, name text);
      INSERT INTO public.users VALUES (1, 'Ada')`);
    await host.run(
      await globex.publish({
        manifest: {
          ...serving('people', [], {
            capabilities: [
              { name: 'database.read', reason: 'Reads users.', scope: { tables: ['public.users'] } },
            ],
            contributes: {
              exports: [
                { name: 'find' },
                { name: 'who' },
                { name: 'hang' },
                { name: 'rogue' },
                { name: 'inner', to: ['globex/*'] },
              ],
            },
          }),
        },
        code: `export default { exports: {
          find: async ({ id }, ctx) => {
            const row = await ctx.db.queryOne('select name from public.users where id = $1', [id]);
            if (row === null) throw Object.assign(new Error('Nobody has this id.'), { code: 'NO_SUCH_USER' });
            return row.name;
          },
          who: (_params, ctx) => ({ caller: ctx.caller, tenant: ctx.request.tenantId, principal: ctx.request.principal.role }),
          inner: () => 'inner',
          rogue: (_params, ctx) => ctx.files.list(),
          hang: (_params, ctx) => new Promise((resolve) => ctx.signal.addEventListener('abort', () => {
            ctx.log.info('it was told');
            resolve(null);
          })),
        } };`,
      }),
    );
    await host.run(
      await globex.publish({
        manifest: {
          ...serving('middle', ['GET /inner'], {
            contributes: { exports: [{ name: 'through', to: ['acme/caller'] }] },
          }),
          dependencies: { 'globex/people': ANY },
        },
        code: `export default { exports: {
          through: async (params, ctx) => ({ caller: ctx.caller, found: await ctx.extensions.call('globex/people', 'find', params) }),
        }, endpoints: { 'GET /inner': async (_request, ctx) => ({ body: await ctx.extensions.call('globex/people', 'inner') }) } };`,
      }),
    );
    await host.run(
      await acme.publish({
        manifest: {
          ...serving('caller', [
            'GET /find',
            'GET /nobody',
            'GET /who',
            'GET /through',
            'GET /inner',
            'GET /none',
            'GET /stranger',
            'GET /rogue',
          ]),
          dependencies: { 'globex/people': ANY, 'globex/middle': ANY },
        },
        code: `${CALLING} export default { endpoints: {
          'GET /find': call('globex/people', 'find', { id: 1 }),
          'GET /nobody': call('globex/people', 'find', { id: 2 }),
          'GET /who': call('globex/people', 'who'),
          'GET /through': call('globex/middle', 'through', { id: 1 }),
          'GET /inner': call('globex/people', 'inner'),
          'GET /none': call('globex/people', 'constructor'),
          'GET /stranger': call('acme/stranger', 'find'),
          'GET /rogue': call('globex/people', 'rogue'),
        } };`,
      }),
    );
    await host.run(
      await acme.publish({
        manifest: {
          ...serving('hurried', ['GET /hang']),
          dependencies: { 'globex/people': ANY },
          limits: { wallMs: 1_500 },
        },
        code: `${CALLING} export default { endpoints: { 'GET /hang': call('globex/people', 'hang') } };`,
      }),
    );
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await acme[Symbol.asyncDispose]();
    await globex[Symbol.asyncDispose]();
  });

  const ask = async (path: string) => (await host.ask('GET', `/x/acme/caller/${path}`)).body;

  it('act with the rights of the callee, which the caller does not have', async () => {
    expect(await ask('find')).toEqual({ answer: 'Ada' });
  });

  it('say who calls, and for whose request', async () => {
    expect(await ask('who')).toEqual({
      answer: { caller: 'acme/caller', tenant: 't_system', principal: 'owner' },
    });
  });

  it('throw what the callee throws with a code of its own', async () => {
    expect(await ask('nobody')).toEqual({ code: 'NO_SUCH_USER', message: 'Nobody has this id.' });
  });

  it('need a declared dependency, and the export as its consent', async () => {
    expect((await ask('stranger')).code).toBe('E_DEPENDENCY');
    expect((await ask('none')).code).toBe('E_EXPORT');
    expect((await ask('inner')).code).toBe('E_EXPORT');
    expect((await host.ask('GET', '/x/globex/middle/inner')).body).toBe('inner');
    expect((await host.show('acme/caller')).state).toBe('enabled');
  });

  it('leave their chain in the audit, once and with a count', async () => {
    expect(await ask('through')).toEqual({ answer: { caller: 'acme/caller', found: 'Ada' } });
    const { body } = await host.ask('GET', '/v1/audit?action=extension.called&limit=100');
    expect(body.records).toContainEqual(
      expect.objectContaining({
        principal: 'extension:globex/middle',
        target: 'globex/people.find',
        detail: { chain: ['acme/caller', 'globex/middle', 'globex/people'], count: 1 },
      }),
    );
    const straight = body.records.filter(
      (record: { principal: string; target: string }) =>
        record.principal === 'extension:acme/caller' && record.target === 'globex/people.find',
    );
    expect(straight).toHaveLength(1); // two calls, one minute
  });

  it('fail when the callee may not do it any more, with the chain in the record of the denial', async () => {
    const grant = '/v1/extensions/globex/people/grants/database.read';
    await host.ask('DELETE', grant);
    expect(await ask('find')).toEqual({
      code: 'E_CALLEE',
      message: 'globex/people failed in find (E_CAP_REVOKED)',
    });
    const { body } = await host.ask('GET', '/v1/audit?action=capability.denied&limit=100');
    expect(body.records[0].detail.chain).toEqual(['acme/caller', 'globex/people']);
    await host.ask('PUT', grant, { body: { scope: { tables: ['public.users'] } } });
    expect(await ask('find')).toEqual({ answer: 'Ada' });
  });

  it('end with the call they were made in', async () => {
    const answer = await host.ask('GET', '/x/acme/hurried/hang');
    expect([answer.status, answer.body.code]).toEqual([504, 'E_LIMIT_WALL']);
    const logs = async () =>
      JSON.stringify((await host.ask('GET', '/v1/extensions/globex/people/logs')).body);
    expect(await until(logs, (text) => text.includes('it was told'))).toContain('it was told');
    expect(await ask('find')).toEqual({ answer: 'Ada' });
  });

  it('are refused while the callee is quarantined', async () => {
    expect((await ask('rogue')).code).toBe('E_CALLEE');
    expect((await host.show('globex/people')).state).toBe('quarantined');
    expect((await ask('find')).code).toBe('E_QUARANTINED');
    expect((await host.show('acme/caller')).state).toBe('enabled');
  });

  it('refuse a manifest that exports what its code does not have', async () => {
    const signed = await acme.publish({
      manifest: { ...serving('empty', []), contributes: { exports: [{ name: 'missing' }] } },
      code: 'export default { exports: { other: () => 1 } };',
    });
    await host.stage(signed);
    await host.operate(signed.id, 'install', { version: '1.0.0', approve: 'all' });
    const { body } = await host.operate(signed.id, 'enable');
    expect([body.error.code, body.error.detail]).toEqual([
      'E_HEALTH',
      expect.stringContaining('export missing'),
    ]);
  });
});
