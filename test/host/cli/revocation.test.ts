import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readTrustPolicy } from '../../../host/trust/policy-file.ts';
import { Author } from '../../support/author.ts';
import { runMag } from '../../support/mag-in-process.ts';
import { type Answer, controlApi, json } from './control-api.ts';

describe('revocation lists on the command line', () => {
  let folder: string;
  let nobody = {};
  beforeAll(async () => {
    // Nobody listens there any more: what needs no host does without.
    await using gone = await controlApi({});
    nobody = { MAG_URL: gone.url };
    folder = await mkdtemp(join(tmpdir(), 'magflock-revocation-'));
    await mag('key:generate', '--out', 'security');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const run = (env: Record<string, string>, ...args: string[]) =>
    runMag(args, { env: { ...nobody, MAG_DATA_DIR: join(folder, 'data'), ...env }, cwd: folder });
  async function mag(...args: string[]) {
    const { exitCode, stdout, stderr } = await run({}, ...args);
    expect([exitCode, stderr.replace(/^no host is running.*\n/, '')]).toEqual([0, '']);
    return stdout;
  }
  const refused = async (...args: string[]) => {
    const { exitCode, stderr } = await run({}, ...args);
    expect(exitCode).not.toBe(0);
    return stderr;
  };
  const read = async (file: string) => JSON.parse(await readFile(join(folder, file), 'utf8'));

  it('makes the next list out of the one before, with nothing in it twice', async () => {
    await using author = await Author.create('acme');
    const { archive } = await author.publish({ manifest: { name: 'tool' }, code: 'export default {};' });
    await writeFile(join(folder, 'x.mag'), archive);
    const make = [
      'revocation:make',
      'list.json',
      '--issuer',
      'security',
      '--days',
      '7',
      '--reason',
      'stolen',
    ];
    const things = [
      ...['--revoke-package', 'x.mag', `sha256:${'0'.repeat(64)}`],
      ...['--revoke-version', 'acme/hello@<1.2.3'],
      ...['--revoke-key', 'security.pub'],
      ...['--revoke-identity', 'https://issuer.example https://san.example'],
      ...['--revoke-publisher', 'globex'],
    ];
    await mag(...make, ...things);
    const first = await read('list.json');
    expect(first).toMatchObject({ issuer: 'security', number: 1 });
    const kinds = ['package', 'package', 'version', 'key', 'identity', 'publisher'];
    expect(first.revoked.map(({ kind }: { kind: string }) => kind)).toEqual(kinds);
    await mag('revocation:sign', 'list.json', '--key', 'security.key');
    await mag(...make, ...things, '--revoke-publisher', 'initech');
    const second = await read('list.json');
    expect([second.number, second.revoked.length]).toEqual([2, 7]);
    expect(second.revoked.slice(0, 6)).toEqual(first.revoked);
    await expect(read('list.json.sigstore.json')).rejects.toThrow('ENOENT'); // that was of the one before
    expect(Date.parse(second.nextUpdate) - Date.parse(second.issuedAt)).toBe(7 * 86_400_000);
  });

  it.each<[string, string[], RegExp]>([
    ['no issuer', ['revocation:make', 'new.json'], /--issuer/],
    ['another issuer', ['revocation:make', 'list.json', '--issuer', 'other'], /of security/],
    ['no reason', ['revocation:make', 'list.json', '--revoke-publisher', 'acme'], /--reason/],
    [
      'no range',
      ['revocation:make', 'list.json', '--reason', 'x', '--revoke-version', 'acme/tool@old'],
      /range/,
    ],
    ['no key', ['revocation:make', 'list.json', '--reason', 'x', '--revoke-key', 'x.mag'], /public key/],
    ['no identity', ['revocation:make', 'list.json', '--reason', 'x', '--revoke-identity', 'x'], /identity/],
    [
      'no publisher',
      ['revocation:make', 'list.json', '--reason', 'x', '--revoke-publisher', 'X'],
      /E_REVOCATION_LIST/,
    ],
    ['no list', ['revocation:sign', 'x.mag', '--key', 'security.key'], /E_REVOCATION_LIST/],
    ['no way to sign', ['revocation:sign', 'list.json'], /--keyless/],
    ['nobody who signs', ['revocation:trust', 'security'], /--key/],
  ])('leaves everything as it is when there is %s', async (_what, args, why) => {
    const before = await read('list.json');
    expect(await refused(...args)).toMatch(why);
    expect(await read('list.json')).toEqual(before);
  });

  it('edits whom lists are taken from without a host, and when a key may sign', async () => {
    await mag('revocation:trust', 'security', '--key', 'security.pub', '--publishers', 'acme', 'globex');
    await mag('trust:add', 'acme', '--key', 'security.pub', '--from', '2030-01-01T00:00:00Z');
    const policy = await readTrustPolicy(join(folder, 'data'));
    expect(policy.revokers.get('security')?.publishers).toEqual(['acme', 'globex']);
    expect(policy.publishers.get('acme')?.keys).toMatchObject([
      { notBefore: new Date('2030-01-01T00:00:00Z') },
    ]);
    expect(await mag('trust:list')).toContain('2030-01-01');
    await mag('revocation:distrust', 'security');
    expect((await readTrustPolicy(join(folder, 'data'))).revokers.size).toBe(0);
    expect(await refused('revocation:distrust', 'security')).toContain('E_NOT_FOUND');
  });

  it('brings a list from an address, bounded', async () => {
    await mag('revocation:sign', 'list.json', '--key', 'security.key');
    const text = await readFile(join(folder, 'list.json'), 'utf8');
    const bundle = await readFile(join(folder, 'list.json.sigstore.json'), 'utf8');
    const sent =
      (body: string): Answer =>
      (_request, response) =>
        void response.end(body);
    await using host = await controlApi({
      'GET /lists/list.json': sent(text),
      'GET /lists/list.json.sigstore.json': sent(bundle),
      'GET /lists/endless.json': sent('x'.repeat(1_048_577)),
      'POST /v1/revocations': json({
        issuer: 'security',
        number: 2,
        entries: 7,
        again: false,
        stopped: ['acme/x'],
      }),
    });
    const take = (name: string) =>
      run({ MAG_URL: host.url }, 'revocation:import', `${host.url}/lists/${name}`);
    expect((await take('list.json')).stdout).toContain('stopped: acme/x');
    const posted = host.seen.find(({ method }) => method === 'POST');
    expect(JSON.parse(posted?.body ?? '')).toEqual({ list: text, bundle });
    expect((await take('endless.json')).stderr).toContain('E_NET');
    expect((await take('none.json')).stderr).toContain('E_NOT_FOUND');
    expect(host.seen.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });
});
