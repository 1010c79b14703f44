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
      dataDir: join(folder, 'data'),
      databaseUrl: null,
      healthIntervalMs: null,
      alertWebhook: null,
      logLevel: 'info',
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
    ['a database that is no Postgres', { DATABASE_URL: 'mysql://u:geheim@h/d' }, 'DATABASE_URL'],
  ])('names the entry of %s and not its value', (_what, env, named) => {
    const { code, message } = refusal(env as Record<string, string>);
    expect([code, message]).toEqual(['E_CONFIG', expect.stringContaining(named)]);
    expect(message).not.toContain('geheim');
  });

  it.each(['not json', '[]', '{ "prot": 1 }'])('refuses the file %s', async (text) => {
    await file(text);
    expect(refusal({}).code).toBe('E_CONFIG');
  });

  it('shows itself without secrets', () => {
    const env = { DATABASE_URL: 'postgres://u:geheim@h/d?sslpassword=geheim', MAG_TOKEN: 'geheim' };
    expect(JSON.stringify(redactConfig(loadConfig(env, folder)))).not.toContain('geheim');
  });
});
