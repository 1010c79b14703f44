import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Client } from '../../../host/cli/client.ts';
import { createClient } from '../../../host/cli/client.ts';
import { resolveVersion } from '../../../host/cli/resolve-version.ts';
import { type ControlApi, controlApi, json } from './control-api.ts';
import { type Folder, temporaryFolder } from './mag-process.ts';

const NAMES = ['1.0.0', '1.2.0', '2.0.0', '3.0.0-rc.1'].map((version) => `acme-hello-${version}.mag`);
const OTHERS = ['acme-hello-world-9.0.0.mag', 'acme-hello-8.0.0.mag.sigstore.json', 'acme-hello-x.mag'];

let folder: Folder;
let api: ControlApi;
let client: Client;
beforeAll(async () => {
  folder = await temporaryFolder();
  for (const name of [...NAMES, ...OTHERS]) await writeFile(join(folder.path, name), '');
  api = await controlApi({ 'GET /v1/extensions/acme/hello': json({ versions: [{ version: '1.1.0' }] }) });
  client = createClient(api.url, null);
});
afterAll(async () => {
  await api[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const resolve = (id: `${string}/${string}`, range: string) => resolveVersion(client, id, range, folder.path);

describe('resolveVersion', () => {
  it('prefers what the host has staged', async () => {
    expect(await resolve('acme/hello', '^1.0.0')).toEqual({ staged: { version: '1.1.0' } });
  });

  it('takes the highest package of this checkout otherwise', async () => {
    expect(await resolve('acme/hello', '>=1.2.0')).toEqual({
      file: join(folder.path, 'acme-hello-2.0.0.mag'),
    });
    expect(await resolve('acme/hello', '~1.2.0')).toEqual({
      file: join(folder.path, 'acme-hello-1.2.0.mag'),
    });
  });

  it('does not mistake another extension for it', async () => {
    await expect(resolve('acme/hello', '9')).rejects.toMatchObject({ code: 'E_NOT_FOUND' });
    await expect(resolve('acme/none', '*')).rejects.toMatchObject({ code: 'E_NOT_FOUND' });
  });
});
