import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { serving } from '../../support/sources.ts';
import { mag, temporaryFolder } from '../cli/mag-process.ts';

const ID = 'acme/slow';

/** Takes its time to install and to start, so that there is a middle to be in. */
const SLOW = {
  manifest: serving('slow', ['GET /ok'], {}),
  code: `
    const later = () => new Promise((resolve) => setTimeout(resolve, 4_000));
    export default { install: later, start: later, endpoints: { 'GET /ok': async () => ({ body: 'fine' }) } };
  `,
};

describe('an operation', () => {
  let host: TestHost;
  let author: Author;
  let version: string;

  beforeAll(async () => {
    [host, author] = await Promise.all([TestHost.start(), Author.create('acme')]);
    await host.trust(author);
    const signed = await author.publish(SLOW);
    version = signed.version;
    await host.stage(signed);
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
  });

  const begin = async (kind: string, body: object = {}) => {
    const { status, body: answer } = await host.ask('POST', `/v1/extensions/${ID}/${kind}`, { body });
    expect({ status, answer }).toMatchObject({ status: 202 });
    return answer.operation as string;
  };
  const ended = async (id: string) => (await host.ask('GET', `/v1/operations/${id}?wait=60`)).body;
  const isAt = (id: string, step: string) =>
    until(
      async () => (await host.ask('GET', `/v1/operations/${id}`)).body,
      ({ steps }) =>
        steps.some(({ name, state }: Record<string, string>) => name === step && state === 'running'),
    );
  const cancel = (id: string) => host.ask('POST', `/v1/operations/${id}/cancel`);

  it('is cancelled before its next step and undone', async () => {
    const install = await begin('install', { version, approve: 'all' });
    await isAt(install, 'install(), health check 1: responds to ping');
    expect((await cancel(install)).status).toBe(202);
    const operation = await ended(install);
    expect(operation).toMatchObject({ state: 'rolled_back', error: { code: 'E_CANCELLED' } });
    expect((await host.show(ID)).state).toBe('staged');
    const { rows } = await host.database.pool.query(
      // Not of pg_roles: the server of the tests has those of other databases too.
      `SELECT role AS what FROM mag.extension_roles
       UNION ALL SELECT nspname FROM pg_namespace WHERE nspname = 'ext_acme_slow'`,
    );
    expect(rows).toEqual([]);
    const { body: audit } = await host.ask('GET', '/v1/audit?limit=5');
    expect(audit.records.map(({ action }: { action: string }) => action)).toContain('operation.cancel');
  });

  it('is asked for once when it is asked for twice', async () => {
    const first = await begin('install', { version, approve: 'all' });
    expect(await begin('install', { version, approve: 'all' })).toBe(first);
    const other = await host.ask('POST', `/v1/extensions/${ID}/install`, { body: { version, approve: [] } });
    expect(other.body.code).toBe('E_STATE');
    expect((await ended(first)).state).toBe('succeeded');
  });

  it('that was cancelled leaves the extension as it was, and can be done again', async () => {
    const enable = await begin('enable');
    await isAt(enable, 'start: load into a cell, init(), start()');
    await cancel(enable);
    expect(await ended(enable)).toMatchObject({ state: 'rolled_back', error: { code: 'E_CANCELLED' } });
    expect(await host.show(ID)).toMatchObject({ state: 'installed', reason: null });
    expect((await host.ask('GET', `/x/${ID}/ok`)).body.code).toBe('E_NOT_ENABLED');

    const { status, body } = await host.ask('POST', `/v1/operations/${enable}/retry`);
    expect(status).toBe(202);
    expect((await ended(body.operation)).state).toBe('succeeded');
    expect((await host.ask('GET', `/x/${ID}/ok`)).body).toBe('fine');
  });

  it('is not cancelled when it has ended, nor done again when it succeeded', async () => {
    const { operations } = await host.show(ID);
    const { id } = operations[0];
    for (const what of ['cancel', 'retry']) {
      const { status, body } = await host.ask('POST', `/v1/operations/${id}/${what}`);
      expect({ status, code: body.code }).toEqual({ status: 409, code: 'E_STATE' });
      expect((await host.ask('POST', `/v1/operations/nothing/${what}`)).body.code).toBe('E_NOT_FOUND');
    }
  });

  it('shows while a version is being switched', async () => {
    const next = await author.publish({ ...SLOW, manifest: { ...SLOW.manifest, version: '1.1.0' } });
    await host.stage(next);
    const upgrade = await begin('upgrade', { version: next.version });
    const state = async () => (await host.show(ID)).state;
    await until(state, (now) => now === 'upgrading');
    const { body } = await host.ask('GET', '/v1/extensions');
    expect(body.extensions[0].state).toBe('upgrading');
    expect((await host.ask('GET', `/x/${ID}/ok`)).body).toBe('fine');
    await cancel(upgrade);
    expect(await ended(upgrade)).toMatchObject({ error: { code: 'E_CANCELLED' } });
    expect(await state()).toBe('enabled');
  });

  it('is shown and done again from the command line', async () => {
    await using folder = await temporaryFolder();
    const run = (...args: string[]) =>
      mag(args, { cwd: folder.path, env: { MAG_URL: host.url, MAG_TOKEN: host.token } });
    const { operations } = await host.show(ID);
    const isCancelledEnable = ({ kind, state }: Record<string, string>) =>
      kind === 'enable' && state === 'rolled_back';
    const cancelled = operations.find(isCancelledEnable).id;
    const shown = await run('operation:show', cancelled);
    expect(shown.stdout).toContain('E_CANCELLED');
    const again = await run('operation:retry', cancelled);
    expect({ code: again.exitCode, stderr: again.stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining('E_STATE'), // it is enabled by now
    });
    const ending = await run('operation:cancel', cancelled);
    expect(ending.stderr).toContain('E_STATE');
    const status = await run('status');
    expect(status.stdout).toContain(`${ID} ${version}`);
    expect(status.stdout).toContain('serving (this one)');
  });
});
