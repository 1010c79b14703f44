import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkBackupTools, checkDatabase } from '../../../host/cli/doctor/database.ts';
import { checkJail, layerFinding } from '../../../host/cli/doctor/jail.ts';
import { checkDataFolder, checkPort } from '../../../host/cli/doctor/machine.ts';
import { checkIsolates, checkVersions } from '../../../host/cli/doctor/runtime.ts';
import { freePort } from '../../../host/free-ports.ts';
import { controlApi, json } from './control-api.ts';
import { type Folder, mag, temporaryFolder } from './mag-process.ts';

let folder: Folder;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

describe('the checks of mag doctor', () => {
  it('know a Node that is too old', async () => {
    expect(await checkVersions()).toMatchObject({ verdict: 'ok', remedy: null });
    expect(await checkVersions('24.18.0')).toMatchObject({ verdict: 'fail', remedy: expect.any(String) });
  });

  it('run an isolate, or say why none runs', async () => {
    expect(await checkIsolates()).toMatchObject({ verdict: 'ok' });
    expect(await checkIsolates(folder.path)).toMatchObject({ verdict: 'fail' });
  });

  it('find the embedded Postgres', async () => {
    const { verdict, detail } = await checkDatabase(null);
    expect(['ok', 'warn']).toContain(verdict);
    expect(detail).toMatch(/Postgres \d+\.\d+/);
  });

  it('fail for an external Postgres that is not there, without its password', async () => {
    const url = `postgres://mag:hush@127.0.0.1:${await freePort()}/none`;
    const finding = await checkDatabase(url);
    expect(finding.verdict).toBe('fail');
    expect(JSON.stringify(finding)).not.toContain('hush');
  });

  it('say whether backups can be made, and of what', async () => {
    const nowhere = { folder: folder.path, path: '' };
    expect(await checkBackupTools(null, nowhere)).toMatchObject({
      check: 'backups',
      verdict: 'warn',
      detail: expect.stringMatching(/^Backups need pg_dump and pg_restore of Postgres \d+/),
    });
    const url = `postgres://mag:hush@127.0.0.1:${await freePort()}/none`;
    expect(await checkBackupTools(url, nowhere)).toMatchObject({ verdict: 'warn' });
  });

  it('write into the data folder, or see that it cannot be', async () => {
    expect(await checkDataFolder(folder.path)).toMatchObject({ verdict: 'ok' });
    expect(await checkDataFolder(join(folder.path, 'not/yet'))).toMatchObject({ verdict: 'ok' });
    await writeFile(join(folder.path, 'file'), '');
    expect(await checkDataFolder(join(folder.path, 'file/below'))).toMatchObject({ verdict: 'fail' });
  });

  it('tell a free port, a running host and another program apart', async () => {
    const port = await freePort();
    expect(await checkPort('127.0.0.1', port, 'http://127.0.0.1:1')).toMatchObject({ verdict: 'ok' });
    await using host = await controlApi({ 'GET /healthz': json({ status: 'ok' }) });
    const taken = Number(new URL(host.url).port);
    expect(await checkPort('127.0.0.1', taken, host.url)).toMatchObject({ verdict: 'ok' });
    const other = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const at = address !== null && typeof address === 'object' ? address.port : 0;
    const finding = await checkPort('127.0.0.1', at, `http://127.0.0.1:${at}`);
    other.close();
    expect(finding).toMatchObject({ verdict: 'fail' });
  });

  it('name every layer of the jail', async () => {
    const findings = await checkJail();
    expect(findings.map(({ check }) => check)).toEqual(
      expect.arrayContaining(['jail: account', 'jail: network', 'jail: permissions', 'jail: cgroup']),
    );
    for (const { on, verdict, remedy } of findings) {
      expect(verdict === 'ok').toBe(on);
      expect(remedy === null).toBe(on);
    }
  });

  it('warn of a layer that is off, and fail without accounts for the cells of root', () => {
    const off = { on: false, detail: 'not permitted', remedy: 'permit it' };
    expect(layerFinding({ name: 'network', ...off })).toEqual({
      check: 'jail: network',
      verdict: 'warn',
      detail: 'off, not permitted',
      remedy: 'permit it',
      on: false,
    });
    expect(layerFinding({ name: 'account', ...off }, 1000)).toMatchObject({ verdict: 'warn' });
    expect(layerFinding({ name: 'account', ...off }, 0)).toMatchObject({ verdict: 'fail' });
    const on = { name: 'ipc', on: true, detail: 'its own', remedy: null };
    expect(layerFinding(on)).toMatchObject({ verdict: 'ok', detail: 'on, its own' });
  });
});

describe('mag doctor', () => {
  const checks = ['runtime', 'isolates', 'database', 'data folder', 'port', 'jail: account'];

  it('prints its findings as JSON, and ends with 0 on a fit machine', async () => {
    const env = { MAG_PORT: String(await freePort()) };
    const { exitCode, stdout } = await mag(['doctor', '--output', 'json'], { cwd: folder.path, env });
    const { healthy, findings }: { healthy: boolean; findings: { check: string }[] } = JSON.parse(stdout);
    expect(findings.map(({ check }) => check)).toEqual(expect.arrayContaining(checks));
    expect({ exitCode, healthy }).toEqual({ exitCode: 0, healthy: true });
  });

  it('ends with 1 when a host could not run, with one JSON value still', async () => {
    const env = { MAG_DATA_DIR: '/dev/null/data', MAG_PORT: String(await freePort()) };
    const { exitCode, stdout } = await mag(['doctor', '--output', 'json'], { cwd: folder.path, env });
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ healthy: false });
  });

  it('does not touch the data folder', async () => {
    const env = { MAG_PORT: String(await freePort()) };
    const { stdout } = await mag(['doctor'], { cwd: folder.path, env });
    expect(stdout).toMatch(/ok +data folder/);
    expect(stdout).toMatch(/jail: network +(on|off), /);
    expect(await checkDataFolder(join(folder.path, 'data'))).toMatchObject({
      detail: expect.stringContaining('can be created'),
    });
  });
});
