import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestHost, until } from '../../../support/host.ts';

const ID = 'acme/veteran';
const here = (name: string) => join(import.meta.dirname, name);

/*
 * A package as it was made and signed with SDK 1.0.0. It is never made anew: what it does here, extensions of that time
 * do on the hosts of others. What a later SDK adds belongs into another package beside it.
 */
describe('an extension of SDK 1.0.0', () => {
  let host: TestHost;

  beforeAll(async () => {
    host = await TestHost.start();
    const body = { publisher: 'acme', publicKey: await readFile(here('acme.pem'), 'utf8'), tier: 'verified' };
    expect((await host.ask('POST', '/v1/trust', { body })).status).toBe(201);
    const archive = await readFile(here('veteran-1.0.0.package'));
    const staged = await host.stage({
      archive,
      bundle: await readFile(here('veteran-1.0.0.bundle'), 'utf8'),
    });
    expect([staged.status, staged.body]).toEqual([201, expect.objectContaining({ id: ID })]);
    for (const [kind, given] of [
      ['install', { version: '1.0.0', approve: 'all', config: { greeting: 'Hi' } }],
      ['enable', {}],
    ] as const)
      expect((await host.operate(ID, kind, given)).body).toMatchObject({ state: 'succeeded' });
    await host.ask('POST', `/v1/extensions/${ID}/keys`, { body: { name: 'main' } });
  });
  afterAll(() => host?.[Symbol.asyncDispose]());

  const get = (path: string) => host.ask('GET', `/x/${ID}/${path}`);

  it('makes every call that there was', async () => {
    const uses: string[] = (await get('uses')).body;
    expect(uses.length).toBeGreaterThan(20);
    for (const use of uses) {
      const { status, body } = await host.ask('POST', `/x/${ID}/use/${use}`);
      expect([use, status, body]).toEqual([use, 200, 'done']);
    }
    const heard = await until(
      async (): Promise<string[]> => (await get('heard')).body,
      ({ length }) => length >= 3,
    );
    expect(heard.toSorted()).toEqual(['event 1', 'event 2', 'job 3']);
  });

  it('is called as it was', async () => {
    const who = await get('who/Ada?a=1');
    expect(who.body).toEqual({
      name: 'Ada',
      query: { a: '1' },
      tenant: 't_system',
      extension: ID,
      greeting: 'Hi',
      hooked: 'yes',
    });
    expect(who.headers.get('x-transformed')).toBe('yes');
    expect((await get('stream')).body).toBe('ab');
    expect((await get('fails')).body.code).toBe('E_EXTENSION');
    expect((await get('phases')).body).toEqual(['phase/init', 'phase/install', 'phase/start']);
    const { body } = await host.ask('GET', `/v1/extensions/${ID}/health`);
    expect(body).toMatchObject({ healthy: true });
    const said = await host.ask('POST', `/v1/commands/${ID}/greet`, {
      body: { args: { whom: 'Ada' }, options: {} },
    });
    expect([said.status, said.body]).toEqual([200, expect.objectContaining({ text: 'Hi Ada' })]);
  });

  it('goes as it came', async () => {
    expect((await host.operate(ID, 'disable')).body.state).toBe('succeeded');
    expect((await host.operate(ID, 'uninstall', { purge: true })).body.state).toBe('succeeded');
    expect((await host.ask('GET', `/v1/extensions/${ID}`)).status).toBe(404);
  });
});
