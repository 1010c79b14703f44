import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig, redactConfig } from '../../host/config.ts';

describe('loadConfig', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'magflock-config-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const file = (text: string) => writeFile(join(folder, 'magflock.config.json'), text);
  const refusal = (env: Record<string, string>) => {
    try {
      loadConfig(env, folder);
    } catch (error) {
      return error as { code: string; message: string };
    }
    throw new Error('it was accepted');
  };

  it('has defaults', () => {
    expect(loadConfig({}, folder)).toEqual({
      host: '127.0.0.1',
      port: 7070,
      mtlsPort: null,
      mtlsHost: null,
      mtlsCertFile: null,
      mtlsKeyFile: null,
      mtlsClientCaFile: null,
      mtlsCrlFile: null,
      dataDir: join(folder, 'data'),
      databaseUrl: null,
      events: 'postgres',
      natsUrl: null,
      natsReplicas: 1,
      healthIntervalMs: null,
      jobBackoffMs: null,
      alertWebhook: null,
      spareCells: 2,
      preinstall: ['magflock/spine'],
      pgBin: null,
      mounts: new Map(),
      publicUrl: null,
      sessionIdleMinutes: 30,
      sessionMaxMinutes: 720,
      rateLimit: 300_000,
      rateLimitAnonymous: 30_000,
      rateLimitFailures: 100,
      wsOrigins: [],
      wsConnections: 20_000,
      wsPerAddress: 5_000,
      wsPerPrincipal: 5_000,
      wsRate: 100,
      wsHeartbeatMs: 30_000,
      wsSlowMs: 10_000,
      consoles: null,
      logLevel: 'info',
      secrets: new Map(),
      url: null,
      token: null,
    });
  });

  it('reads the file, and the environment wins', async () => {
    await file('{ "port": 8000, "host": "0.0.0.0" }');
    expect(loadConfig({ MAG_PORT: '9000' }, folder)).toMatchObject({ host: '0.0.0.0', port: 9000 });
  });

  it('takes an empty variable as not set', () => {
    expect(loadConfig({ DATABASE_URL: '', MAG_PORT: '' }, folder)).toMatchObject({
      databaseUrl: null,
      port: 7070,
    });
  });

  it.each([
    ['a port that is no number', { MAG_PORT: 'http' }, 'MAG_PORT'],
    ['a port out of range', { MAG_PORT: '70000' }, 'MAG_PORT'],
    ['a mutual-TLS port out of range', { MAG_MTLS_PORT: '70000' }, 'MAG_MTLS_PORT'],
    ['a mutual-TLS listener without a certificate', { MAG_MTLS_PORT: '0' }, 'MAG_MTLS_CERT_FILE'],
    ['more spare cells than there can be', { MAG_SPARE_CELLS: '65' }, 'MAG_SPARE_CELLS'],
    ['an engine there is not', { MAG_EVENTS: 'kafka' }, 'MAG_EVENTS) must be one of postgres, nats'],
    ['more replicas than there can be', { MAG_NATS_REPLICAS: '7' }, 'MAG_NATS_REPLICAS'],
    ['a server that is no NATS', { NATS_URL: 'nats://h,http://u:geheim@h' }, 'NATS_URL'],
    ['a mount that is no absolute path', { MAG_MOUNTS: 'a=geheim' }, 'MAG_MOUNTS'],
    ['a mount with no name', { MAG_MOUNTS: '=/geheim' }, 'MAG_MOUNTS'],
    ['one mount twice', { MAG_MOUNTS: 'a=/geheim,a=/geheim' }, 'MAG_MOUNTS'],
    ['a database that is no Postgres', { DATABASE_URL: 'mysql://u:geheim@h/d' }, 'DATABASE_URL'],
  ])('names the entry of %s and not its value', (_what, env, named) => {
    const { code, message } = refusal(env as Record<string, string>);
    expect([code, message]).toEqual(['E_CONFIG', expect.stringContaining(named)]);
    expect(message).not.toContain('geheim');
  });

  it('knows the folders that are lent', () => {
    const { mounts } = loadConfig({ MAG_MOUNTS: 'reports=/srv/a b=c,archive:ro=/srv/archive' }, folder);
    expect([...mounts]).toEqual([
      ['reports', { path: '/srv/a b=c', isReadOnly: false }],
      ['archive', { path: '/srv/archive', isReadOnly: true }],
    ]);
  });

  it.each(['not json', '[]', '{ "prot": 1 }'])('refuses the file %s', async (text) => {
    await file(text);
    expect(refusal({}).code).toBe('E_CONFIG');
  });

  it('names an entry of the file that there is not', async () => {
    await file('{ "prot": 1 }');
    expect(refusal({}).message).toBe('configuration entry prot is unknown');
  });

  it('takes secrets out of the environment and shows none of them', () => {
    const env: NodeJS.ProcessEnv = { MAG_SECRET_DEEPL_KEY: 'geheim', MAG_SECRET_EMPTY: '', PATH: '/bin' };
    const config = loadConfig(env, folder);
    expect([...config.secrets]).toEqual([['DEEPL_KEY', 'geheim']]);
    expect(env).toEqual({ PATH: '/bin' });
    expect(redactConfig(config).secrets).toBe('1 set');
    expect(JSON.stringify([config, redactConfig(config)])).not.toContain('geheim');
    const { code, message } = refusal({ MAG_SECRET_deepl: 'geheim' });
    expect([code, message]).toEqual(['E_CONFIG', expect.stringContaining('MAG_SECRET_deepl')]);
    expect(message).not.toContain('geheim');
  });

  it('shows itself without secrets', () => {
    const env = { DATABASE_URL: 'postgres://u:geheim@h/d?sslpassword=geheim', MAG_TOKEN: 'geheim' };
    expect(JSON.stringify(redactConfig(loadConfig(env, folder)))).not.toContain('geheim');
    const nats = { NATS_URL: 'nats://u:geheim@h1:4222,tls://geheim@h2' };
    expect(redactConfig(loadConfig(nats, folder)).natsUrl).toBe(
      'nats://u:redacted@h1:4222,tls://redacted@h2',
    );
  });
});
