import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestHost } from '../../../support/host.ts';
import { runMag } from '../../../support/mag-in-process.ts';

const MEMBERS = ['flags', 'modes', 'routing', 'secrets', 'tenancy'].map((name) => `magflock/${name}`);

describe('a fresh host, as npm start runs it', () => {
  let host: TestHost;
  const mag = (...argv: string[]) =>
    runMag(argv, { env: { MAG_URL: host.url, MAG_DATA_DIR: host.dataDir }, cwd: host.dataDir });

  beforeAll(async () => {
    host = await TestHost.start({ MAG_PREINSTALL: '' }); // as if nobody had set it
  });
  afterAll(() => host?.[Symbol.asyncDispose]());

  it('has the spine enabled when it is ready', async () => {
    const spine = await host.show('magflock/spine');
    expect(spine.state).toBe('enabled');
    expect(spine.members.map(({ id }: { id: string }) => id).sort()).toEqual(MEMBERS);
    for (const id of MEMBERS) expect((await host.show(id)).state, id).toBe('enabled');
  });

  it('has all that was kept in it after a restart', async () => {
    const tenant = await mag('magflock/tenancy:tenant-create', 't_acme', 'Acme');
    expect([tenant.exitCode, tenant.stderr]).toEqual([0, '']);
    expect((await mag('magflock/modes:set', 't_acme', 'lab')).exitCode).toBe(0);
    expect((await mag('magflock/flags:set', 'new-cart')).exitCode).toBe(0);
    await host.shutdown();
    await host.boot();
    for (const id of MEMBERS) expect((await host.show(id)).state, id).toBe('enabled');
    const asked = { name: 'a', role: 'user', tenant: 't_acme' };
    const { token } = (await host.ask('POST', '/v1/tokens', { body: asked })).body;
    const mode = await host.ask('GET', '/x/magflock/modes/current', { token });
    expect(mode.body).toMatchObject({ mode: { id: 'lab' } });
    expect((await mag('magflock/flags:evaluate', 'new-cart')).stdout).toContain('false (off, STATIC)');
    expect((await mag('magflock/routing:resolve', 'feature_flags')).stdout).toContain('postgres');
    expect((await mag('magflock/flags:list')).stdout).toContain('new-cart: boolean, enabled');
  });

  it('goes without it when its operators took it away', async () => {
    for (const kind of ['disable', 'uninstall'] as const)
      expect((await host.operate('magflock/spine', kind)).body.state).toBe('succeeded');
    await host.shutdown();
    await host.boot();
    const { extensions } = (await host.ask('GET', '/v1/extensions')).body;
    const ids = extensions.map(({ id }: { id: string }) => id);
    expect(ids.filter((id: string) => id.startsWith('magflock/'))).toEqual([]);
  });
});
