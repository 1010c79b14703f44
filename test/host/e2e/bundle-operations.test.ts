import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { NOTHING, remainsOf } from '../../support/remains.ts';
import { serving } from '../../support/sources.ts';

describe('operations on bundles', () => {
  let host: TestHost;
  let author: Author;

  beforeAll(async () => {
    [host, author] = await Promise.all([TestHost.start(), Author.create('acme')]);
    await host.trust(author);
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
  });

  const member = async (name: string, version = '1.0.0', code = '') => {
    const limits = { wallMs: 30_000 };
    const signed = await author.publish({
      manifest: serving(name, ['GET /version'], { version, limits }),
      code: `export default { ${code} endpoints: { 'GET /version': async () => ({ body: '${version}' }) } };`,
    });
    expect((await host.stage(signed)).status).toBe(201);
  };
  const bundle = async (name: string, version: string, ...members: string[]) => {
    const extensions = Object.fromEntries(members.map((id) => [`acme/${id}`, '*']));
    expect((await host.stage(await author.publishBundle(name, version, extensions))).status).toBe(201);
  };
  const begin = async (name: string, kind: string, body: object): Promise<string> =>
    (await host.ask('POST', `/v1/extensions/acme/${name}/${kind}`, { body })).body.operation;
  const ended = async (operation: string) =>
    (await host.ask('GET', `/v1/operations/${operation}?wait=60`)).body;
  const reached = (operation: string, step: string) =>
    until(
      async () => (await host.ask('GET', `/v1/operations/${operation}`)).body.steps as { name: string }[],
      (steps) => steps.some(({ name }) => name.startsWith(step)),
    );
  const INSTALL = { version: '1.0.0', approve: 'all' };

  it('hold their members, are one when asked for twice, and are cancelled and retried as one', async () => {
    await member('quick');
    await member('slow', '1.0.0', 'install: () => new Promise((resolve) => setTimeout(resolve, 6_000)),');
    await bundle('held', '1.0.0', 'quick', 'slow');
    const operation = await begin('held', 'install', INSTALL);
    await reached(operation, 'acme/slow: install()');
    expect(await begin('held', 'install', INSTALL)).toBe(operation);
    for (const name of ['quick', 'slow']) {
      const { body } = await host.operate(`acme/${name}`, name === 'quick' ? 'enable' : 'install', INSTALL);
      expect([name, body.code]).toEqual([name, 'E_STATE']);
    }
    await host.ask('POST', `/v1/operations/${operation}/cancel`);
    const cancelled = await ended(operation);
    expect([cancelled.state, cancelled.error.code]).toEqual(['rolled_back', 'E_CANCELLED']);
    for (const id of ['acme/held', 'acme/quick', 'acme/slow'] as const)
      expect(await remainsOf(host.database, id)).toEqual(NOTHING);

    const retried = (await host.ask('POST', `/v1/operations/${operation}/retry`)).body.operation;
    expect((await ended(retried)).state).toBe('succeeded');
    expect((await host.show('acme/held')).state).toBe('installed');
  });

  it('reach the other hosts', async () => {
    await member('both-a');
    await member('both-b');
    await bundle('both', '1.0.0', 'both-a', 'both-b');
    await using beside = await host.startBeside();
    const there = async () =>
      Promise.all(
        ['both-a', 'both-b'].map(async (name) => {
          const { status, body } = await beside.ask('GET', `/x/acme/${name}/version`);
          return status === 200 ? body : status;
        }),
      );
    const become = (...wanted: unknown[]) =>
      until(there, (served) => JSON.stringify(served) === JSON.stringify(wanted));
    const operate = async (kind: 'install' | 'enable' | 'upgrade' | 'rollback' | 'disable', body = {}) =>
      expect((await host.operate('acme/both', kind, body)).body.state).toBe('succeeded');
    await operate('install', INSTALL);
    await operate('enable');
    await become('1.0.0', '1.0.0');
    await member('both-a', '1.1.0');
    await bundle('both', '1.1.0', 'both-a', 'both-b');
    await operate('upgrade', { version: '1.1.0' });
    await become('1.1.0', '1.0.0');
    await operate('rollback');
    await become('1.0.0', '1.0.0');
    await operate('disable');
    await become(503, 503);
  });
});
