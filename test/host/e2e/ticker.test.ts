import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packExtension } from '../../../host/packaging/index.ts';
import { Author } from '../../support/author.ts';
import { TestHost } from '../../support/host.ts';

const MOUNT = '/x/example/ticker';
const SOURCE = new URL('../../../extensions/examples/ticker/', import.meta.url);

describe('the ticker', () => {
  let host: TestHost;
  let author: Author;
  let folder: string;

  beforeAll(async () => {
    [host, author, folder] = await Promise.all([
      TestHost.start(),
      Author.create('example'),
      mkdtemp(join(tmpdir(), 'ticker-')),
    ]);
    await host.trust(author);
    await cp(SOURCE, folder, { recursive: true });
    const { file } = await packExtension(folder);
    const archive = await readFile(file);
    const signed = { id: 'example/ticker', version: '1.0.0', archive, bundle: await author.sign(archive) };
    await host.run(signed, 'all', { everyMs: 10 });
  });
  afterAll(async () => {
    await host[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  it('takes a list as a file of a form or as bytes, and streams it as events', async () => {
    const form = new FormData();
    form.append('list', new Blob(['tea,3.50\nmilk,1'], { type: 'text/csv' }), 'prices.csv');
    expect(await host.ask('POST', `${MOUNT}/prices`, { body: form })).toMatchObject({
      status: 201,
      body: { prices: 2 },
    });
    const { headers, body } = await host.ask('GET', `${MOUNT}/ticks?count=3`);
    expect(headers.get('content-type')).toBe('text/event-stream');
    expect(body).toBe(
      [1, 2, 3].map((id) => `id: ${id}\nevent: tick\ndata: {"tea":3.5,"milk":1}\n\n`).join(''),
    );
    const bytes = await fetch(`${host.url}${MOUNT}/prices`, {
      method: 'POST',
      headers: { authorization: `Bearer ${host.token}`, 'content-type': 'application/octet-stream' },
      body: 'bread,4',
    });
    expect(bytes.status).toBe(201);
    expect((await host.ask('GET', `${MOUNT}/prices`)).body).toEqual({ prices: { bread: 4 } });
  });

  it('lets no webhook in that nobody could have verified', async () => {
    const push = (headers: Record<string, string>) =>
      host.ask('POST', `${MOUNT}/github`, {
        body: {},
        token: null,
        headers: { 'x-github-event': 'push', ...headers },
      });
    expect((await push({})).body.code).toBe('E_WEBHOOK_SIGNATURE');
    expect((await push({ 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` })).body.code).toBe(
      'E_WEBHOOK_SECRET',
    );
    expect((await host.ask('GET', `${MOUNT}/pushes`)).body).toEqual({ pushes: 0 });
  });
});
