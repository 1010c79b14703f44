import { generateKeyPairSync } from 'node:crypto';
import { type AddressInfo, createServer } from 'node:net';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startHost } from '../../host/compose.ts';
import { loadConfig } from '../../host/config.ts';
import { createMutualTls } from '../../host/mutual-tls.ts';
import { MutualTlsFiles } from '../support/mutual-tls.ts';

describe('the configuration of the mutual-TLS listener', () => {
  let files: MutualTlsFiles;
  beforeEach(async () => {
    files = await MutualTlsFiles.create();
  });
  afterEach(() => files[Symbol.asyncDispose]());

  const refusal = (env: Record<string, string>): { code: string; message: string } => {
    try {
      createMutualTls(loadConfig({ ...files.env, ...env }, files.folder));
    } catch (error) {
      return error as { code: string; message: string };
    }
    throw new Error('it was accepted');
  };

  it('is not there without a port, whatever else is said', () => {
    expect(createMutualTls(loadConfig({ ...files.env, MAG_MTLS_PORT: '' }, files.folder))).toBeNull();
  });

  it('takes files by their path in the folder of the host, and lists of one or several', async () => {
    await files.write('ca.pem', `${files.clients.cert}\nof others:\n${files.servers.cert}`);
    await files.write('crl.pem', `${files.clients.revoke()}${files.servers.revoke()}`);
    const env = { ...files.env, MAG_MTLS_CERT_FILE: 'cert.pem', MAG_MTLS_KEY_FILE: './key.pem' };
    expect(createMutualTls(loadConfig(env, files.folder))).not.toBeNull();
    expect(createMutualTls(loadConfig({ ...env, MAG_MTLS_CRL_FILE: '' }, files.folder))).not.toBeNull();
  });

  it.each(['MAG_MTLS_CERT_FILE', 'MAG_MTLS_KEY_FILE', 'MAG_MTLS_CLIENT_CA_FILE'])('needs %s', (name) => {
    expect(refusal({ [name]: '' })).toMatchObject({
      code: 'E_CONFIG',
      message: expect.stringContaining(name),
    });
  });

  it.each(['MAG_MTLS_CERT_FILE', 'MAG_MTLS_KEY_FILE', 'MAG_MTLS_CLIENT_CA_FILE', 'MAG_MTLS_CRL_FILE'])(
    'names %s when its file cannot be read, is no PEM or is broken in it',
    async (name) => {
      const secret = 'geheim'.repeat(4);
      await files.write('no.pem', secret);
      const begin = (label: string) => `-----BEGIN ${label}-----\n${secret}\n-----END ${label}-----\n`;
      await files.write('broken.pem', ['CERTIFICATE', 'PRIVATE KEY', 'X509 CRL'].map(begin).join(''));
      for (const file of ['missing.pem', '.', 'no.pem', 'broken.pem']) {
        const { code, message } = refusal({ [name]: files.path(file) });
        expect([file, code, message]).toEqual([file, 'E_CONFIG', expect.stringContaining(`(${name})`)]);
        expect(message).not.toMatch(/geheim|\.pem/);
      }
    },
  );

  it('names the key that is not the one of the certificate, and a key with a passphrase', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const locked = { format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'geheim' } as const;
    for (const key of [files.servers.issue('other').key, String(privateKey.export(locked))]) {
      await files.write('other.pem', key);
      expect(refusal({ MAG_MTLS_KEY_FILE: files.path('other.pem') })).toMatchObject({
        code: 'E_CONFIG',
        message: expect.stringContaining('MAG_MTLS_KEY_FILE'),
      });
    }
  });

  it('keeps a host from starting when it is wrong', async () => {
    await files.write('ca.pem', 'none');
    const env = { ...files.env, MAG_PORT: '0', MAG_DATA_DIR: files.path('data') };
    await expect(startHost(loadConfig(env, files.folder), pino({ level: 'silent' }))).rejects.toMatchObject({
      code: 'E_CONFIG',
      message: expect.stringContaining('MAG_MTLS_CLIENT_CA_FILE'),
    });
  });

  it('keeps a host from starting when its port is taken', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    const env = {
      ...files.env,
      MAG_PORT: '0',
      MAG_MTLS_PORT: String(port),
      MAG_DATA_DIR: files.path('data'),
    };
    await expect(startHost(loadConfig(env, files.folder), pino({ level: 'silent' }))).rejects.toMatchObject({
      code: 'E_CONFIG',
      message: expect.stringContaining('MAG_MTLS_PORT'),
    });
    await new Promise((resolve) => taken.close(resolve));
  });
});
