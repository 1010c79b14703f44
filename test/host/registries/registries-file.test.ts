import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { addRegistry, readRegistries, removeRegistry } from '../../../host/registries/registries-file.ts';

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'magflock-registries-'));
  return () => rm(dataDir, { recursive: true, force: true });
});

const names = async () => (await readRegistries(dataDir)).map(({ name }) => name);

describe('the registries of a host', () => {
  it('begin with what this checkout has built, and keep their order', async () => {
    expect(await names()).toEqual(['checkout']);
    await Promise.all([
      addRegistry(dataDir, { name: 'team', location: '/srv/registry/' }),
      addRegistry(dataDir, { name: 'corp', location: 'https://packages.example.com/mag' }),
    ]);
    expect(await names()).toEqual(['checkout', 'team', 'corp']);
    expect((await readRegistries(dataDir))[1]?.location).toBe('/srv/registry');
    await removeRegistry(dataDir, 'team');
    expect(await names()).toEqual(['checkout', 'corp']);
  });

  it.each([
    ['a relative folder', '../registry'],
    ['http', 'http://packages.example.com/'],
    ['http of this machine, unasked', 'http://127.0.0.1:8080/'],
    ['another scheme', 'ftp://packages.example.com/'],
    ['a file address', 'file:///srv/registry'],
    ['a password', 'https://me:secret@packages.example.com/'],
    ['a query', 'https://packages.example.com/?token=secret'],
  ])('refuse %s', async (_what, location) => {
    const refused = addRegistry(dataDir, { name: 'bad', location });
    await expect(refused).rejects.toMatchObject({ code: 'E_BAD_REQUEST' });
    expect(await names()).toEqual(['checkout']);
  });

  it('take http only on this machine, and only when it is said', async () => {
    await addRegistry(dataDir, { name: 'local', location: 'http://localhost:8080/', allowHttp: true });
    const elsewhere = addRegistry(dataDir, { name: 'bad', location: 'http://10.0.0.1/', allowHttp: true });
    await expect(elsewhere).rejects.toMatchObject({ code: 'E_BAD_REQUEST' });
    expect(await names()).toEqual(['checkout', 'local']);
  });

  it('refuse a name twice, and to remove what is not there or is part of the host', async () => {
    await addRegistry(dataDir, { name: 'team', location: '/srv/registry' });
    const again = addRegistry(dataDir, { name: 'team', location: '/srv/other' });
    await expect(again).rejects.toMatchObject({ code: 'E_EXISTS' });
    await expect(addRegistry(dataDir, { name: 'checkout', location: '/x' })).rejects.toMatchObject({
      code: 'E_EXISTS',
    });
    await expect(removeRegistry(dataDir, 'none')).rejects.toMatchObject({ code: 'E_NOT_FOUND' });
    await expect(removeRegistry(dataDir, 'checkout')).rejects.toMatchObject({ code: 'E_BAD_REQUEST' });
  });

  it.each(['{', '{"registries":{}}', '{"registries":[{"name":"x","location":"http://example.com/"}]}'])(
    'are not guessed from %s',
    async (text) => {
      await writeFile(join(dataDir, 'registries.json'), text);
      await expect(readRegistries(dataDir)).rejects.toMatchObject({ code: 'E_CONFIG' });
    },
  );
});
