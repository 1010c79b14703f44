import { createHash } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../../host/free-ports.ts';
import { type Folder, mag, temporaryFolder } from './mag-process.ts';

const NAME = 'acme-hello-1.0.0.mag';

let folder: Folder;
let packed: Awaited<ReturnType<typeof mag>>;
const run = (...args: string[]) => mag(args, { cwd: folder.path });
const at = (name: string) => join(folder.path, name);

beforeAll(async () => {
  folder = await temporaryFolder();
  await run('key:generate', '--out', 'acme');
  await run('extension:new', 'acme/hello', '--template', 'hook', '--dir', 'hello', '--yes');
  packed = await run('extension:pack', 'hello');
  await run('extension:sign', `hello/${NAME}`, '--key', 'acme.key');
});
afterAll(() => folder[Symbol.asyncDispose]());

describe('an author, without a host', () => {
  it('has a key pair, the private half for the owner alone', async () => {
    expect((await stat(at('acme.key'))).mode & 0o777).toBe(0o600);
    expect(await readFile(at('acme.pub'), 'utf8')).toContain('PUBLIC KEY');
  });

  it('never loses a key to a second one', async () => {
    const before = await readFile(at('acme.key'), 'utf8');
    const { exitCode, stderr } = await run('key:generate', '--out', 'acme');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('error E_BAD_REQUEST');
    expect(await readFile(at('acme.key'), 'utf8')).toBe(before);
  });

  it('is told the path of the package last', async () => {
    expect(packed.exitCode).toBe(0);
    expect(packed.stdout.trimEnd().split('\n').at(-1)).toBe(at(`hello/${NAME}`));
  });

  it('packs where it is told to, and says what in JSON', async () => {
    const { stdout } = await run('extension:pack', 'hello', '--out', 'out.mag', '--output', 'json');
    const bytes = await readFile(at('out.mag'));
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    expect(JSON.parse(stdout)).toMatchObject({ file: at('out.mag'), digest, sizeBytes: bytes.byteLength });
  });

  it('takes no folder for the file of a package, and no fault of its own for that', async () => {
    const { exitCode, stderr } = await run('extension:pack', 'hello', '--out', 'hello');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('error E_BAD_REQUEST: EISDIR');
  });

  it.runIf(process.platform === 'linux')('says that a disk is full', async () => {
    const { exitCode, stderr } = await run('extension:pack', 'hello', '--out', '/dev/full');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('error E_FILE: ENOSPC');
  });

  it('verifies with the key', async () => {
    const args = ['extension:verify', `hello/${NAME}`, '--key', 'acme.pub', '--output', 'json'];
    const { exitCode, stdout } = await run(...args);
    expect(exitCode).toBe(0);
    const verified: { capabilities: { name: string }[] } = JSON.parse(stdout);
    expect(verified).toMatchObject({ id: 'acme/hello', version: '1.0.0', publisher: 'acme' });
    expect(verified.capabilities.map(({ name }) => name)).toContain('api.intercept_request');
  });
});

describe('extension:verify', () => {
  const verify = async (...args: string[]) => {
    const { exitCode, stdout } = await run('extension:verify', ...args, '--output', 'json');
    const body: { error?: { code: string } } = JSON.parse(stdout);
    return { exitCode, code: body.error?.code };
  };

  it('refuses another key', async () => {
    await run('key:generate', '--out', 'other');
    const result = await verify(`hello/${NAME}`, '--key', 'other.pub');
    expect(result).toEqual({ exitCode: 1, code: 'E_SIG_IDENTITY' });
  });

  it('refuses changed bytes', async () => {
    const bytes = await readFile(at(`hello/${NAME}`));
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    await writeFile(at('changed.mag'), bytes);
    await writeFile(at('changed.mag.sigstore.json'), await readFile(at(`hello/${NAME}.sigstore.json`)));
    const { exitCode, code } = await verify('changed.mag', '--key', 'acme.pub');
    expect(exitCode).toBe(1);
    expect(['E_SIG_INVALID', 'E_SIG_SUBJECT']).toContain(code);
  });

  it('refuses a package without its signature', async () => {
    await writeFile(at('bare.mag'), await readFile(at(`hello/${NAME}`)));
    expect(await verify('bare.mag', '--key', 'acme.pub')).toEqual({ exitCode: 1, code: 'E_SIG_MISSING' });
  });

  it('refuses what is not there', async () => {
    expect(await verify('none.mag', '--key', 'acme.pub')).toEqual({ exitCode: 1, code: 'E_NOT_FOUND' });
  });

  it('asks the trust policy of the data folder, which trust:* edits while no host runs', async () => {
    const nobody = `http://127.0.0.1:${await freePort()}`;
    expect((await verify(`hello/${NAME}`)).code).toBe('E_SIG_UNTRUSTED');
    await run('trust:add', 'acme', '--key', 'acme.pub', '--tier', 'verified', '--url', nobody);
    expect(await verify(`hello/${NAME}`)).toEqual({ exitCode: 0, code: undefined });
    const listed = await run('trust:list', '--url', nobody);
    expect(listed.stdout).toMatch(/acme +verified/);
    const again = await run('trust:add', 'acme', '--key', 'acme.pub', '--url', nobody);
    expect(again.stdout).toContain('tier verified');
    await run('trust:remove', 'acme', '--url', nobody);
    expect((await verify(`hello/${NAME}`)).code).toBe('E_SIG_REVOKED');
  });

  it('does not edit the data folder in the place of a host that is elsewhere', async () => {
    const { exitCode, stderr } = await run('trust:list', '--url', 'http://mag.invalid:7070');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('error E_UNREACHABLE');
  });
});
