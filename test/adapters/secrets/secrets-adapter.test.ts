import { chmod, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeAdapterContract } from '../adapter-contract.ts';
import { createSecretsBench } from './secrets-bench.ts';

describeAdapterContract({
  component: 'secrets',
  event: {
    type: 'extension.error',
    data: { extension: 'a/b', version: '1.0.0', code: 'E_SECRET_MISSING', detail: '' },
  },
  create: async () => {
    const bench = await createSecretsBench({ attached: false });
    return { adapter: bench.adapter, dispose: async () => bench[Symbol.asyncDispose]() };
  },
});

const own = { name: 'API_KEY', extension: 'acme/shop' } as const;
const shared = { name: 'API_KEY', extension: null } as const;
const text = (value: string) => Buffer.from(value);

describe('a secret', () => {
  it('is what was bound to the extension: not what merely has the name', async () => {
    await using bench = await createSecretsBench({ environment: { API_KEY: 'of-the-environment' } });
    await bench.folder.set(shared, text('of-everybody'));
    await bench.folder.set({ ...own, extension: 'acme/other' }, text('of-another'));
    expect(await bench.get('API_KEY')).toBe('E_SECRET_MISSING');
    await bench.folder.bind({ ...own, to: 'API_KEY' });
    expect(await bench.get('API_KEY')).toBe('of-everybody');
    await bench.folder.remove(shared);
    expect(await bench.get('API_KEY')).toBe('of-the-environment');
    await bench.folder.set(own, text('of-its-own'));
    expect(await bench.get('API_KEY')).toBe('of-its-own');
    await bench.folder.remove(own);
    expect(await bench.get('API_KEY')).toBe('E_SECRET_MISSING'); // the binding went with it
  });

  it('can stand for one of another name', async () => {
    await using bench = await createSecretsBench({ environment: { SHOP_PRODUCTION: 'prod-key' } });
    await bench.folder.bind({ ...own, to: 'SHOP_PRODUCTION' });
    expect(await bench.get('API_KEY')).toBe('prod-key');
    expect(await bench.get('OTHER_KEY')).toBe('E_SECRET_MISSING');
  });

  it('is read anew each time, without the line end of an editor', async () => {
    await using bench = await createSecretsBench();
    await bench.folder.set(own, text('first\n'));
    expect(await bench.get('API_KEY')).toBe('first');
    await writeFile(join(bench.rootDir, 'acme/shop/API_KEY'), 'second\r\n');
    expect(await bench.get('API_KEY')).toBe('second');
    await writeFile(join(bench.rootDir, 'acme/shop/API_KEY'), 'a\nb\n\n');
    expect(await bench.get('API_KEY')).toBe('a\nb\n');
  });

  it('is on record by its name, once', async () => {
    await using bench = await createSecretsBench();
    await bench.folder.set(own, text('geheim-geheim'));
    await bench.get('API_KEY');
    await bench.get('API_KEY');
    await bench.get('OTHER_KEY');
    expect(bench.recorded).toEqual(['acme/shop API_KEY']);
  });

  it('is not given when that cannot be put on record', async () => {
    const record = () => Promise.reject(new Error('no database'));
    await using bench = await createSecretsBench({ record });
    await bench.folder.set(own, text('geheim-geheim'));
    expect(await bench.get('API_KEY')).toBe('E_STORAGE');
    expect(await bench.get('API_KEY')).toBe('E_STORAGE');
  });

  it('in a file that others may read, or that is no text, is not used; the operator is told why', async () => {
    await using bench = await createSecretsBench();
    const file = join(bench.rootDir, 'acme/shop/API_KEY');
    await bench.folder.set(own, text('geheim-geheim'));
    await chmod(file, 0o644);
    expect(await bench.get('API_KEY')).toBe('E_SECRET_MISSING');
    expect(bench.logged.at(-1)).toContain('open to other accounts');
    await chmod(file, 0o600);
    for (const [content, why] of [
      [Buffer.from([0xff, 0xfe]), 'no UTF-8'],
      [text('\n'), 'empty'],
      [Buffer.alloc(65_537, 'x'), 'larger'],
    ] as const) {
      await writeFile(file, content);
      expect(await bench.get('API_KEY')).toBe('E_SECRET_MISSING');
      expect(bench.logged.at(-1)).toContain(why);
    }
    expect(bench.logged.join()).not.toContain('geheim');
  });

  it('needs the right to it, by name', async () => {
    await using bench = await createSecretsBench();
    await bench.folder.set(own, text('value-of-it'));
    await bench.folder.set({ ...own, name: 'NOT_IN_THE_MANIFEST' }, text('geheim'));
    expect(await bench.get('NOT_IN_THE_MANIFEST')).toBe('E_CAP_SCOPE');
    expect(bench.denials).toMatchObject([{ capability: 'system.secrets', code: 'E_CAP_SCOPE' }]);
    bench.grant({ capability: 'system.secrets', scope: { names: ['OTHER_KEY'] } });
    expect(await bench.get('API_KEY')).toBe('E_CAP_SCOPE');
    bench.grant();
    expect(await bench.get('API_KEY')).toBe('E_CAP_REVOKED');
    for (const name of ['../admin.token', 'api_key', '', '__proto__', 'acme/other/API_KEY'])
      expect(await bench.get(name)).toBe('E_PARAMS');
  });
});

describe('what an operator is told', () => {
  it('names what is missing or cannot be used', async () => {
    await using bench = await createSecretsBench();
    await bench.folder.set({ ...own, name: 'OTHER_KEY' }, text('value'));
    const lacks = () => bench.adapter.lacks?.(bench.manifest);
    expect(await lacks()).toEqual([
      'the secret API_KEY is missing: mag secret:set API_KEY --extension acme/shop',
    ]);
    await bench.folder.set(own, text('value'));
    expect(await lacks()).toEqual([]);
    await chmod(join(bench.rootDir, 'acme/shop/API_KEY'), 0o644);
    expect(await lacks()).toEqual([expect.stringContaining('API_KEY cannot be used')]);
  });

  it('lists what is wanted, what is not, and what can be bound, without values', async () => {
    await using bench = await createSecretsBench({ environment: { SHARED: 'geheim', UNUSED: 'geheim' } });
    await bench.folder.bind({ ...own, to: 'SHARED' });
    await bench.folder.set({ name: 'LEFT_OVER', extension: 'acme/shop' }, text('geheim'));
    await bench.folder.set({ name: 'IN_A_FILE', extension: null }, text('geheim'));
    const wanted = [
      { ...own, reason: 'asks' },
      { ...own, name: 'OTHER_KEY', reason: 'asks too' },
    ];
    const rows = await bench.adapter.list(wanted);
    expect(rows.map(({ name, extension, state, from, use }) => [name, extension, state, from, use])).toEqual([
      ['API_KEY', 'acme/shop', 'present', 'environment: SHARED', 'asks'],
      ['OTHER_KEY', 'acme/shop', 'missing', null, 'asks too'],
      ['IN_A_FILE', null, 'present', 'folder', null],
      ['LEFT_OVER', 'acme/shop', 'present', 'folder', null],
      ['SHARED', null, 'present', 'environment', 'acme/shop'],
      ['UNUSED', null, 'present', 'environment', null],
    ]);
    expect(JSON.stringify(rows)).not.toContain('geheim');
  });

  it('refuses what is no name, no value, or hidden by a secret of its own', async () => {
    await using bench = await createSecretsBench();
    const { folder } = bench;
    for (const name of ['../x', 'a', 'A.binding', '', `A${'B'.repeat(80)}`]) {
      await expect(folder.set({ ...own, name }, text('x'))).rejects.toMatchObject({ code: 'E_BAD_REQUEST' });
      await expect(folder.bind({ ...own, to: name })).rejects.toMatchObject({ code: 'E_BAD_REQUEST' });
    }
    for (const value of [text(''), Buffer.from([0xff]), Buffer.alloc(65_537, 'x')])
      await expect(folder.set(own, value)).rejects.toMatchObject({ code: 'E_BAD_REQUEST' });
    await folder.set(own, text('x'));
    await expect(folder.bind({ ...own, to: 'SHARED' })).rejects.toMatchObject({ code: 'E_STATE' });
    expect(await folder.remove(own)).toBe(true);
    expect(await folder.remove(own)).toBe(false);
  });

  it('keeps secrets when an extension goes, unless all of it is purged', async () => {
    await using bench = await createSecretsBench();
    await bench.folder.set(own, text('x'));
    await bench.folder.set({ ...own, extension: 'acme/other' }, text('x'));
    await bench.adapter.forget?.('acme/shop', { purge: false });
    expect(await bench.get('API_KEY')).toBe('x');
    await bench.adapter.forget?.('acme/shop', { purge: true });
    expect(await readdir(join(bench.rootDir, 'acme'))).toEqual(['other']);
  });
});

describe('what an extension writes', () => {
  it('loses the values it was given, old ones too, however JSON writes them', async () => {
    await using bench = await createSecretsBench();
    expect(bench.adapter.redactor('acme/shop')).toBeNull();
    await bench.folder.set(own, text('line one\n"two"'));
    await bench.get('API_KEY');
    await bench.folder.set(own, text('line one\n"two" and more'));
    await bench.get('API_KEY');
    const clean = bench.adapter.redactor('acme/shop');
    expect(clean?.('is line one\n"two" and more, was line one\n"two".')).toBe(
      'is [redacted], was [redacted].',
    );
    expect(clean?.(JSON.stringify({ key: 'line one\n"two"' }))).toBe('{"key":"[redacted]"}');
    expect(bench.adapter.redactor('acme/other')).toBeNull();
    await bench.adapter.forget?.('acme/shop', { purge: false });
    expect(bench.adapter.redactor('acme/shop')).toBeNull();
  });

  it('keeps what is too short to be told from other words', async () => {
    await using bench = await createSecretsBench();
    await bench.folder.set(own, text('seven77'));
    await bench.get('API_KEY');
    expect(bench.adapter.redactor('acme/shop')).toBeNull();
  });
});
