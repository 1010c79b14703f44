import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Author } from '../../support/author.ts';
import { TestHost } from '../../support/host.ts';
import { ISSUER, identityToken, TestSigstore, WORKFLOW } from '../../support/sigstore.ts';
import { serving } from '../../support/sources.ts';
import { mag } from '../cli/mag-process.ts';

let host: TestHost;
let sigstore: TestSigstore;
let globex: Author;

beforeAll(async () => {
  [host, sigstore, globex] = await Promise.all([
    TestHost.start(),
    TestSigstore.start(),
    Author.create('globex'),
  ]);
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  await sigstore[Symbol.asyncDispose]();
  await globex[Symbol.asyncDispose]();
});

it('an extension signed in CI without a key runs, and stops being trusted with the identity', async () => {
  const file = join(host.dataDir, 'ext.mag');
  const root = join(host.dataDir, 'root.json');
  const { archive } = await globex.publish({
    manifest: serving('ext', ['GET /ok']),
    code: `export default { endpoints: { 'GET /ok': () => ({ body: 'fine' }) } };`,
  });
  await writeFile(file, archive);
  await writeFile(root, JSON.stringify(sigstore.trustedRoot));
  const env = { MAG_URL: host.url, MAG_TOKEN: host.token, SIGSTORE_ID_TOKEN: identityToken() };
  const run = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await mag(args, { cwd: host.dataDir, env });
    expect([exitCode, stderr]).toEqual([0, '']);
    return stdout;
  };
  const urls = ['--fulcio-url', sigstore.url, '--rekor-url', sigstore.url];
  const bundleFile = (await run('extension:sign', file, '--keyless', ...urls)).trim();
  const signed = { archive, bundle: await readFile(bundleFile, 'utf8') };
  expect((await host.stage(signed)).body.code).toBe('E_SIG_UNTRUSTED');

  await run(
    'trust:add',
    'globex',
    '--issuer',
    ISSUER,
    '--san',
    WORKFLOW,
    '--trusted-root',
    root,
    '--tier',
    'verified',
  );
  expect(await run('trust:list')).toContain(WORKFLOW);
  const staged = await host.stage(signed);
  expect([staged.status, staged.body.signedBy, staged.body.tier]).toEqual([201, WORKFLOW, 'verified']);
  await host.operate('globex/ext', 'install', { version: '1.0.0', approve: 'all' });
  await host.operate('globex/ext', 'enable');

  await host.shutdown();
  await host.boot(); // the root was kept beside the policy
  expect((await host.ask('GET', '/x/globex/ext/ok')).body).toBe('fine');
  env.MAG_URL = host.url;

  await run('trust:remove', 'globex', '--identity', WORKFLOW);
  await host.operate('globex/ext', 'disable');
  const { body } = await host.operate('globex/ext', 'enable');
  expect([body.state, body.error.code]).toEqual(['rolled_back', 'E_SIG_REVOKED']);
});
