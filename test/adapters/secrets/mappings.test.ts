import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MappedSecrets } from '../../../adapters/secrets/mapped-secrets.ts';
import type { SecretMapping } from '../../../adapters/secrets/ports.ts';
import { SecretPlaces } from '../../../adapters/secrets/secret-places.ts';
import { VaultServer } from '../../support/vault-server.ts';
import { createSecretsBench, type SecretsBench } from './secrets-bench.ts';

const text = (value: string) => Buffer.from(value);
const shared = (name: string) => ({ name, extension: null });
/** The extension of the bench administers; another one reads, in those that are about reading. */
const SHOP = 'acme/shop' as const;

let vault: VaultServer;
let bench: SecretsBench;
beforeAll(async () => {
  vault = await VaultServer.start();
});
afterAll(() => vault[Symbol.asyncDispose]());
beforeEach(async () => {
  vault.mood = 'well';
  vault.asked.length = 0;
  bench = await createSecretsBench({ id: 'acme/admin', environment: { VAULT_TOKEN: 'root-token' } });
  const entered = { secret: 'VAULT_TOKEN', roleId: null };
  await bench.connections.add({ name: 'main', url: vault.url, mount: 'secret', kvVersion: 2, ...entered });
});
afterEach(() => bench[Symbol.asyncDispose]());

/** What acme/shop gets for API_KEY. */
const read = async (tenantId: string | null = null) => {
  const found = await bench.adapter.resolver.resolve('API_KEY', { extension: SHOP, tenantId });
  return found.state === 'present' ? `${found.value} (${found.from})` : `${found.state} (${found.from})`;
};
const map = (params: Record<string, string | number>) =>
  bench.ask('map', { ref: 'apps/shop#key', ...params } as never);

describe('a mapping', () => {
  it('of an extension comes before what is its own; the name of a shared one before folder and environment', async () => {
    vault.put('apps/shop', { key: 'of-the-vault' });
    await bench.folder.set(shared('PAY_KEY'), text('of-the-folder'));
    await bench.folder.bind({ extension: SHOP, name: 'API_KEY', to: 'PAY_KEY' });
    expect(await read()).toBe('of-the-folder (folder: PAY_KEY)');
    expect(await map({ name: 'PAY_KEY', backend: 'vault:main' })).toEqual({ swapped: true, version: 1 });
    expect(await read()).toBe('of-the-vault (vault:main: PAY_KEY)');
    expect(await bench.adapter.resolver.shared('PAY_KEY')).toMatchObject({ value: 'of-the-vault' });
    await bench.folder.set({ name: 'API_KEY', extension: SHOP }, text('its-own'));
    expect(await read()).toBe('its-own (folder)');
    await map({ name: 'API_KEY', extension: SHOP, backend: 'environment', ref: 'ELSEWHERE' });
    expect(await read()).toBe('missing (environment)'); // nothing stands in for it
    expect(await bench.ask('unmap', { name: 'API_KEY', extension: SHOP })).toEqual({
      swapped: true,
      version: 2,
    });
    expect(await read()).toBe('its-own (folder)');
  });

  it('of a tenant is for requests of that tenant alone, and wins', async () => {
    vault.put('apps/shop', { key: 'of-everybody', acme: 'of-acme' });
    await map({ name: 'API_KEY', extension: SHOP, backend: 'vault:main' });
    await map({
      name: 'API_KEY',
      extension: SHOP,
      tenant: 't_acme',
      backend: 'vault:main',
      ref: 'apps/shop#acme',
    });
    expect([await read('t_acme'), await read('t_other'), await read('t_system'), await read()]).toEqual([
      'of-acme (vault:main)',
      ...Array(3).fill('of-everybody (vault:main)'),
    ]);
    await bench.ask('unmap', { name: 'API_KEY', extension: SHOP });
    expect([await read('t_acme'), await read('t_other')]).toEqual(['of-acme (vault:main)', 'missing (null)']);
  });

  it('changes only from the version that whoever changes it has seen, and no version comes again', async () => {
    const name = 'PAY_KEY';
    expect(await map({ name, backend: 'vault:main', version: 3 })).toEqual({ swapped: false, version: 0 });
    expect(await map({ name, backend: 'vault:main', version: 0 })).toEqual({ swapped: true, version: 1 });
    expect(await map({ name, backend: 'vault:main', version: 0 })).toEqual({ swapped: false, version: 1 });
    expect(await bench.ask('unmap', { name, version: 9 })).toEqual({ swapped: false, version: 1 });
    expect(await bench.ask('unmap', { name, version: 1 })).toEqual({ swapped: true, version: 2 });
    expect(await bench.ask('unmap', { name })).toEqual({ swapped: false, version: 0 });
    expect(await map({ name, backend: 'vault:main', rotateAfterDays: 30 })).toEqual({
      swapped: true,
      version: 3,
    });
    const { changes } = await bench.ask('history', { name });
    expect(changes.map((one: { action: string; version: number }) => [one.version, one.action])).toEqual([
      [3, 'map'],
      [2, 'unmap'],
      [1, 'map'],
    ]);
    const both = await Promise.all(
      [1, 2].map((days) => map({ name, backend: 'vault:main', version: 3, rotateAfterDays: days })),
    );
    expect(both.map(({ swapped }) => swapped).sort()).toEqual([false, true]);
  });

  it.each([
    ['a backend that is not there', { backend: 'vault:other' }, 'E_NOT_FOUND'],
    ['a backend of no kind', { backend: 'gsm' }, 'E_PARAMS'],
    ['a path that climbs', { backend: 'vault:main', ref: '../sys/mounts#a' }, 'E_PARAMS'],
    ['a path that climbs in escapes', { backend: 'vault:main', ref: '%2e%2e/sys#a' }, 'E_PARAMS'],
    ['a file', { backend: 'folder', ref: '../admin.token' }, 'E_PARAMS'],
    ['a secret of an extension', { backend: 'folder', ref: 'acme/shop/API_KEY' }, 'E_PARAMS'],
    ['what the host enters the Vault with', { backend: 'environment', ref: 'VAULT_TOKEN' }, 'E_FORBIDDEN'],
    [
      'what the host enters the Vault with, as a file',
      { backend: 'folder', ref: 'VAULT_TOKEN' },
      'E_FORBIDDEN',
    ],
    ['a name that is a path', { name: '../A', backend: 'folder', ref: 'A' }, 'E_PARAMS'],
    ['its own name', { extension: 'acme/admin', backend: 'folder', ref: 'A' }, 'E_FORBIDDEN'],
    ['no tenant', { tenant: 'acme', backend: 'folder', ref: 'A' }, 'E_PARAMS'],
  ])('to or of %s is refused', async (_what, params, code) => {
    expect(await map({ name: 'API_KEY', ...params })).toBe(code);
    expect((await bench.ask('list', {})).secrets.filter((row: { mapping: unknown }) => row.mapping)).toEqual(
      [],
    );
  });

  it('of a name that the administering extension is bound to is refused', async () => {
    await bench.folder.bind({ extension: 'acme/admin', name: 'API_KEY', to: 'PAY_KEY' });
    expect(await map({ name: 'PAY_KEY', backend: 'vault:main' })).toBe('E_FORBIDDEN');
    expect(bench.changes.at(-1)).toMatchObject({ outcome: 'refused', detail: { code: 'E_FORBIDDEN' } });
  });

  it.each(['list', 'backends', 'history', 'map', 'unmap', 'rotate', 'check'])(
    '%s is for the control plane alone',
    async (call) => {
      const params = ['list', 'backends'].includes(call) ? {} : { name: 'PAY_KEY' };
      const target = call === 'map' ? { backend: 'folder', ref: 'A' } : {};
      expect(await bench.ask(call, { ...params, ...target }, 't_acme')).toBe('E_FORBIDDEN');
      expect(await bench.ask(call, { ...params, ...target }, 't_system')).not.toBe('E_FORBIDDEN');
      bench.grant({ capability: 'system.secrets', scope: null });
      expect(await bench.ask(call, { ...params, ...target }, 't_system')).toBe('E_CAP_REVOKED');
    },
  );
});

describe('a rotation', () => {
  it('is seen by the next read, and on record and announced by the name', async () => {
    vault.put('apps/shop', { key: 'first-value' });
    await map({ name: 'API_KEY', extension: SHOP, backend: 'vault:main', rotateAfterDays: 30 });
    expect(await read()).toBe('first-value (vault:main)');
    vault.put('apps/shop', { key: 'second-value' });
    expect(await read()).toBe('first-value (vault:main)'); // it was read a moment ago
    const key = { name: 'API_KEY', extension: SHOP };
    expect(await bench.ask('rotate', key)).toMatchObject({ version: 2 });
    expect(await read()).toBe('second-value (vault:main)');
    expect(vault.asked).toHaveLength(2);
    const by = { principal: 'extension:acme/admin', target: 'API_KEY', outcome: 'ok' };
    expect(bench.changes).toMatchObject([
      { ...by, action: 'secret.map', detail: { of: SHOP, tenant: null, backend: 'vault:main' } },
      { ...by, action: 'secret.rotate', detail: { version: 2 } },
    ]);
    const data = { name: 'API_KEY', extension: SHOP, tenant: null };
    expect(bench.registrar.published.map(({ event }) => event)).toEqual([
      { type: 'secrets.rotated', data: { ...data, version: 1 } },
      { type: 'secrets.rotated', data: { ...data, version: 2 } },
    ]);
    const told = JSON.stringify([bench.changes, bench.registrar.published, bench.logged]);
    expect(told).not.toMatch(/first-value|second-value|root-token|apps\/shop/);
    expect(await bench.ask('rotate', { name: 'NOT_MAPPED' })).toBe('E_NOT_FOUND');
  });

  it('is dated, as is a mapping to elsewhere; that it is due sooner is none', async () => {
    const when = async () =>
      (await bench.ask('list', {})).secrets.find((row: { name: string }) => row.name === 'PAY_KEY').mapping;
    await map({ name: 'PAY_KEY', backend: 'vault:main' });
    const first = await when();
    expect(first).toMatchObject({ dueAt: null, version: 1, changedBy: 'extension:acme/admin' });
    await map({ name: 'PAY_KEY', backend: 'vault:main', rotateAfterDays: 10 });
    const sooner = await when();
    expect(sooner.rotatedAt).toBe(first.rotatedAt);
    expect(Date.parse(sooner.dueAt) - Date.parse(sooner.rotatedAt)).toBe(10 * 86_400_000);
    await map({ name: 'PAY_KEY', backend: 'vault:main', ref: 'apps/other#key' });
    expect((await when()).rotatedAt >= first.rotatedAt).toBe(true);
    expect((await when()).version).toBe(3);
  });
});

describe('a Vault that is away', () => {
  const key = { name: 'API_KEY', extension: SHOP };

  it('is stood in for by what was read a moment ago, and by nothing else', async () => {
    vault.put('apps/shop', { key: 'a-value' });
    await map({ ...key, backend: 'vault:main' });
    expect(await read()).toBe('a-value (vault:main)');
    vault.mood = 'sealed';
    expect(await read()).toBe('a-value (vault:main)');
    await bench.ask('rotate', key);
    expect(await read()).toBe('unusable (vault:main)');
    expect(await bench.ask('check', key)).toEqual({
      state: 'unusable',
      backend: 'vault:main',
      problem: 'it answered 503',
    });
    const { backends } = await bench.ask('backends', {});
    expect(backends.map((one: { name: string; problem: string }) => [one.name, one.problem])).toEqual([
      ['folder', null],
      ['environment', null],
      ['vault:main', 'it answered 503'],
    ]);
  });

  it('means no secret once what was read is old', async () => {
    const mapping: SecretMapping = {
      ...{ ...key, tenantId: null, backend: 'vault:main', ref: 'apps/shop#key', rotateAfterDays: null },
      ...{ version: 1, rotatedAt: new Date(), changedAt: new Date(), changedBy: 'user:1' },
    };
    const places = new SecretPlaces([bench.folder, await environmentWithToken()], bench.connections);
    const mapped = new MappedSecrets({ find: async () => mapping }, places, 50);
    vault.put('apps/shop', { key: 'a-value' });
    expect(await mapped.read(mapping)).toMatchObject({ value: 'a-value' });
    vault.mood = 'sealed';
    await expect.poll(() => mapped.read(mapping)).toMatchObject({ state: 'unusable' });
  });

  it('is asked once for all who wait', async () => {
    vault.mood = 'slow';
    vault.put('apps/shop', { key: 'a-value' });
    await map({ ...key, backend: 'vault:main' });
    const values = await Promise.all(Array.from({ length: 20 }, () => read()));
    expect([new Set(values), vault.asked.length]).toEqual([new Set(['a-value (vault:main)']), 1]);
  });

  it('is told of by its name, to the operator only', async () => {
    await bench.folder.bind({ extension: 'acme/admin', name: 'API_KEY', to: 'PAY_KEY' });
    const by = { expected: null, by: 'user:1' };
    vault.mood = 'no-json';
    const reader = await createSecretsBench({ environment: { VAULT_TOKEN: 'root-token' } });
    await reader.connections.add((await bench.connections.list())[0] as never);
    await reader.mappings.put(
      { ...key, tenantId: null },
      { backend: 'vault:main', ref: 'apps/shop#key', rotateAfterDays: null },
      by,
    );
    expect(await reader.get('API_KEY')).toBe('E_SECRET_MISSING');
    expect(reader.logged.at(-1)).toContain('vault:main');
    expect(reader.logged.join()).not.toMatch(/root-token|127\.0\.0\.1|<html>/);
    await reader[Symbol.asyncDispose]();
  });
});

/** The environment of the bench. */
async function environmentWithToken() {
  const { createEnvironmentSecrets } = await import('../../../adapters/secrets/environment-secrets.ts');
  return createEnvironmentSecrets(new Map([['VAULT_TOKEN', 'root-token']]));
}

describe('the list', () => {
  it('has what is mapped, wanted and there, who uses it and when it was read, in pages, without values', async () => {
    vault.put('apps/shop', { key: 'geheim-im-tresor' });
    await bench.folder.set(shared('IN_A_FILE'), text('geheim-in-der-datei'));
    await bench.folder.bind({ extension: 'acme/admin', name: 'API_KEY', to: 'IN_A_FILE' });
    await map({ name: 'PAY_KEY', backend: 'vault:main' });
    await map({ name: 'PAY_KEY', tenant: 't_acme', backend: 'folder', ref: 'IN_A_FILE' });
    expect(await bench.get('API_KEY')).toBe('geheim-in-der-datei');
    const answer = await bench.ask('list', {});
    const short = ({ name, extension, tenant, state, from, usedBy, lastReadAt }: Record<string, unknown>) => [
      ...[name, extension, tenant, state, from, usedBy],
      lastReadAt !== null,
    ];
    expect(answer.secrets.map(short)).toEqual([
      ['API_KEY', 'acme/admin', null, 'present', 'folder: IN_A_FILE', ['acme/admin'], true],
      ['IN_A_FILE', null, null, 'present', 'folder', ['acme/admin'], true],
      ['PAY_KEY', null, null, 'unchecked', 'vault:main', [], false],
      ['PAY_KEY', null, 't_acme', 'present', 'folder', [], false],
      ['VAULT_TOKEN', null, null, 'present', 'environment', [], false],
    ]);
    expect(JSON.stringify(answer)).not.toMatch(/geheim|root-token/);
    expect(await bench.adapter.resolver.shared('PAY_KEY')).toMatchObject({ state: 'present' });
    const seen: string[] = [];
    for (let after = ''; ; ) {
      const page = await bench.ask('list', { after, limit: 2 });
      seen.push(...page.secrets.map((row: { name: string; state: string }) => `${row.name} ${row.state}`));
      if (page.next === null) break;
      after = page.next;
    }
    expect(seen).toEqual([
      ...[
        'API_KEY present',
        'IN_A_FILE present',
        'PAY_KEY present',
        'PAY_KEY present',
        'VAULT_TOKEN present',
      ],
    ]);
  });
});

describe('the connection to a Vault', () => {
  it('is there once, and not removed while a secret is mapped to it', async () => {
    const [connection] = await bench.connections.list();
    await expect(bench.connections.add(connection as never)).rejects.toMatchObject({ code: 'E_EXISTS' });
    await map({ name: 'PAY_KEY', backend: 'vault:main' });
    await expect(bench.connections.remove('main')).rejects.toMatchObject({ code: 'E_STATE' });
    await bench.ask('unmap', { name: 'PAY_KEY' });
    await bench.connections.remove('main');
    await expect(bench.connections.remove('main')).rejects.toMatchObject({ code: 'E_NOT_FOUND' });
  });
});
