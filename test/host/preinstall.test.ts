import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestHost } from '../support/host.ts';

const GUESTBOOK = 'magflock/guestbook';

describe('what a host comes with', () => {
  let host: TestHost;
  beforeAll(async () => {
    host = await TestHost.start({ MAG_PREINSTALL: `${GUESTBOOK},magflock/nowhere` });
  });
  afterAll(() => host?.[Symbol.asyncDispose]());

  const stateOf = async () => (await host.show(GUESTBOOK)).state;

  it('is enabled with all its rights when the host is ready', async () => {
    expect(await stateOf()).toBe('enabled');
    expect((await host.ask('GET', '/x/magflock/guestbook/entries')).status).toBe(200);
  });

  it('is on record as what the host did', async () => {
    const { body } = await host.ask('GET', '/v1/audit?limit=100');
    const actions = body.records.filter(({ target }: { target: string }) => target === GUESTBOOK);
    expect(new Set(actions.map(({ principal }: { principal: string }) => principal))).toEqual(
      new Set(['host']),
    );
  });

  it('is missed, and said to be, when it is nowhere, and the host serves the rest', async () => {
    const { body } = await host.ask('GET', '/v1/host');
    expect(body.degradations).toContainEqual({
      name: 'preinstall: magflock/nowhere',
      detail: expect.stringMatching(/^E_[A-Z_]+: .*magflock\/nowhere/),
    });
  });

  it('is left as its operators have it', async () => {
    await host.operate(GUESTBOOK, 'disable');
    await host.shutdown();
    await host.boot();
    expect(await stateOf()).toBe('disabled');
  });
});
