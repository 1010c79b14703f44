import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../../host/storage/database.ts';
import { AlertInbox } from '../../support/alert-inbox.ts';
import { Author } from '../../support/author.ts';
import { TestHost, until } from '../../support/host.ts';
import { runMag } from '../../support/mag-in-process.ts';
import { serving } from '../../support/sources.ts';

const BAD = 'acme/bad';
const GOOD = 'acme/good';

const source = (name: string, version: string) => ({
  manifest: { ...serving(name, ['GET /who']), version },
  code: `export default { endpoints: { 'GET /who': async () => ({ body: '${version}' }) } };`,
});

/** One story on two hosts: the tests come one after the other. */
describe('a revocation list', () => {
  let inbox: AlertInbox;
  let author: Author;
  let first: TestHost;
  let second: TestHost;
  let folder: string;

  beforeAll(async () => {
    [inbox, author, folder] = await Promise.all([
      AlertInbox.open(),
      Author.create('acme'),
      mkdtemp(join(tmpdir(), 'magflock-lists-')),
    ]);
    first = await TestHost.start({ MAG_ALERT_WEBHOOK: inbox.url });
    await first.trust(author);
    await mag('key:generate', '--out', 'security');
    await mag('key:generate', '--out', 'stranger');
    await mag('revocation:trust', 'security', '--key', 'security.pub', '--publishers', 'acme');
    second = await first.startBeside();
    await first.run(await author.publish(source('bad', '1.0.0')));
    await first.stage(await author.publish(source('bad', '1.1.0')));
    await first.operate(BAD, 'upgrade', { version: '1.1.0' });
    await first.run(await author.publish(source('good', '1.0.0')));
    await until(
      () => who(second, GOOD),
      (answer) => answer === '1.0.0',
    );
  });
  afterAll(async () => {
    await second[Symbol.asyncDispose]();
    await first[Symbol.asyncDispose]();
    await inbox[Symbol.asyncDispose]();
    await author[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const who = async (host: TestHost, id: string) => {
    const { body } = await host.ask('GET', `/x/${id}/who`);
    return body.code ?? body;
  };
  const env = () => ({ MAG_URL: first.url, MAG_TOKEN: first.token, MAG_DATA_DIR: first.dataDir });
  const run = (...args: string[]) => runMag(args, { env: env(), cwd: folder });
  async function mag(...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await run(...args);
    expect([exitCode, stderr]).toEqual([0, '']);
    return stdout;
  }
  const lists = async () => (await first.ask('GET', '/v1/revocations')).body.lists;
  async function signed(text: string, key = 'security') {
    await writeFile(join(folder, 'other.json'), text);
    await mag('extension:sign', 'other.json', '--key', `${key}.key`); // any bytes
    return { list: text, bundle: await readFile(join(folder, 'other.json.sigstore.json'), 'utf8') };
  }
  const changed = async (members: object) =>
    JSON.stringify({ ...JSON.parse(await readFile(join(folder, 'revoked.json'), 'utf8')), ...members });

  it('that is made, signed and taken in on the command line stops what it names no more', async () => {
    const make = ['revocation:make', 'revoked.json', '--issuer', 'security', '--reason', 'it leaks keys'];
    expect(await mag(...make, '--revoke-version', `${BAD}@<1.1.0`)).toContain(
      'list 1 of security, 1 entries',
    );
    await mag('revocation:sign', 'revoked.json', '--key', 'security.key');
    expect(await mag('revocation:import', 'revoked.json')).toContain('nothing that runs is taken back');
    expect(await mag('revocation:import', 'revoked.json')).toContain('taken in before');
    expect(await mag('revocation:list')).toMatch(/security +1 +1 .*yes/);
    expect(await who(first, BAD)).toBe('1.1.0');
    // The version that is kept to go back to is one that the list names.
    const { body } = await first.operate(BAD, 'rollback');
    expect([body.state, body.error.code]).toEqual(['rolled_back', 'E_SIG_REVOKED']);
    expect(await who(second, BAD)).toBe('1.1.0');
  });

  it('stops what runs, on both hosts within seconds, and nothing else', async () => {
    await mag(
      'revocation:make',
      'revoked.json',
      '--revoke-version',
      `${BAD}@<1.2.0`,
      '--reason',
      'it leaks more',
    );
    await mag('revocation:sign', 'revoked.json', '--key', 'security.key');
    const startedAt = performance.now();
    expect(await mag('revocation:import', 'revoked.json')).toContain(`stopped: ${BAD}`);
    expect(await who(first, BAD)).toBe('E_QUARANTINED');
    await until(
      () => who(second, BAD),
      (answer) => answer === 'E_QUARANTINED',
    );
    process.stdout.write(
      `revocation list: stopped on both after ${Math.round(performance.now() - startedAt)} ms\n`,
    );
    expect([await who(first, GOOD), await who(second, GOOD)]).toEqual(['1.0.0', '1.0.0']);
    const why = expect.stringMatching(
      /^acme\/bad 1\.1\.0 is revoked by list 2 of security \(.*it leaks more\)\.$/,
    );
    const { state, reason } = await first.show(BAD);
    expect([state, reason]).toEqual(['quarantined', { code: 'E_SIG_REVOKED', detail: why }]);
    await until(
      async () => inbox.about(BAD),
      (alerts) => alerts.length > 0,
    );
    expect(inbox.about(BAD)).toMatchObject([{ version: '1.1.0', code: 'E_SIG_REVOKED' }]);
    const { body } = await first.ask('GET', '/v1/audit?limit=50');
    const of = (action: string) => body.records.filter((row: { action: string }) => row.action === action);
    expect(of('extension.quarantined')).toMatchObject([{ target: BAD, detail: { code: 'E_SIG_REVOKED' } }]);
    expect(of('revocation.import')[0].detail).toMatchObject({
      issuer: 'security',
      number: 2,
      stopped: [BAD],
    });
    const events = await first.ask('GET', '/v1/events?type=extension.quarantined');
    expect(events.body.events.at(-1).data).toMatchObject({ extension: BAD, code: 'E_SIG_REVOKED' });
  });

  it('keeps it from starting and from being staged, also after a restart', async () => {
    const enabled = await second.operate(BAD, 'enable');
    expect([enabled.body.state, enabled.body.error.code]).toEqual(['rolled_back', 'E_SIG_REVOKED']);
    const staged = await first.stage(await author.publish(source('bad', '1.1.1')));
    expect([staged.status, staged.body.code]).toEqual([403, 'E_SIG_REVOKED']);
    await first.shutdown();
    await first.boot();
    expect(await who(first, BAD)).toMatch(/^E_(QUARANTINED|NOT_ENABLED)$/);
    expect(await who(first, GOOD)).toBe('1.0.0');
  });

  it('is named by extension:verify --explain, of the host or of a file', async () => {
    const { archive, bundle } = await author.publish(source('bad', '1.1.1'));
    await writeFile(join(folder, 'bad.mag'), archive);
    await writeFile(join(folder, 'bad.mag.sigstore.json'), bundle);
    const explain = async (...more: string[]) => {
      const all = ['extension:verify', 'bad.mag', '--explain', '--output', 'json', ...more];
      return JSON.parse((await run(...all)).stdout);
    };
    const revoked = { verdict: 'E_SIG_REVOKED', reason: expect.stringContaining('list 2 of security') };
    expect(await explain()).toMatchObject({ ...revoked, revocations: 'list 2 of security, 2 entries' });
    const policy = join(first.dataDir, 'trust-policy.json');
    expect(await explain('--policy', policy, '--revocations', 'revoked.json')).toMatchObject(revoked);
    expect(await explain('--policy', policy)).toMatchObject({
      verdict: 'accepted',
      revocations: expect.stringMatching(/^not looked at/),
    });
  });

  it('changes nothing when it is refused', async () => {
    const before = await lists();
    const newer = await changed({ number: 3, revoked: [] });
    const good = await signed(newer);
    const cases: [string, { list: string; bundle: string }][] = [
      ['tampered with', { ...good, list: newer.replace('"number":3', '"number":4') }],
      ['signed by a stranger', await signed(newer, 'stranger')],
      ['without a signature', { ...good, bundle: '' }],
      ['older', await signed(await changed({ number: 1 }))],
      ['another one of the same number', await signed(await changed({ revoked: [] }))],
      [
        'overdue',
        await signed(
          await changed({ number: 3, issuedAt: '2020-01-01T00:00:00Z', nextUpdate: '2020-02-01T00:00:00Z' }),
        ),
      ],
      ['larger than it may be', await signed(newer.padEnd(1_048_577, ' '))],
      [
        'of an issuer nobody trusts',
        await signed(await changed({ issuer: 'stranger', number: 3 }), 'stranger'),
      ],
    ];
    for (const [what, body] of cases) {
      const { status, body: answer } = await first.ask('POST', '/v1/revocations', { body });
      expect([what, status, answer.code]).toEqual([what, 422, 'E_REVOCATION_LIST']);
    }
    expect(await lists()).toEqual(before);
    expect((await first.operate(BAD, 'enable')).body.error.code).toBe('E_SIG_REVOKED');
    const { body } = await first.ask('GET', '/v1/audit?limit=20');
    const refusals = body.records.filter((row: { action: string }) => row.action === 'revocation.import');
    expect(refusals.filter((row: { outcome: string }) => row.outcome === 'refused')).toHaveLength(
      cases.length,
    );
  });

  it('leaves a way on: the version that is good again', async () => {
    await first.operate(BAD, 'disable');
    expect((await first.stage(await author.publish(source('bad', '1.2.0')))).status).toBe(201);
    expect((await first.operate(BAD, 'upgrade', { version: '1.2.0' })).body.state).toBe('succeeded');
    expect((await first.operate(BAD, 'enable')).body.state).toBe('succeeded');
    await until(
      () => who(second, BAD),
      (answer) => answer === '1.2.0',
    );
  });

  it('that is overdue goes on revoking, and says so', async () => {
    const takenIn = async (forMs: number) => {
      const until = new Date(Date.now() + forMs).toISOString();
      const body = await signed(await changed({ number: 3, nextUpdate: until }));
      return (await first.ask('POST', '/v1/revocations', { body })).status === 200 ? until : null;
    };
    // On a busy machine it is overdue before it comes.
    const nextUpdate = (await takenIn(2_000)) ?? (await takenIn(20_000));
    expect(nextUpdate).not.toBeNull();
    await until(
      async () => (await lists())[0].trouble,
      (trouble) => trouble !== null,
    );
    expect((await first.stage(await author.publish(source('bad', '1.1.2')))).body.code).toBe('E_SIG_REVOKED');
    await first.shutdown();
    await first.boot(); // it looks when it starts, and every half a minute
    const { status, body: ready } = await first.ask('GET', '/readyz');
    expect([status, ready.ready]).toEqual([200, true]);
    expect(ready.degradations).toContainEqual({
      name: 'revocations: security',
      detail: `list 3 goes on revoking, but it was to be renewed by ${nextUpdate}`,
    });
  });

  it('goes on when the key that signed it is trusted no longer, and ends with its issuer', async () => {
    const [{ id }] = (await first.ask('GET', '/v1/revocations')).body.issuers.security.keys;
    await mag('revocation:distrust', 'security', '--key-id', id);
    const stage = async () => (await first.stage(await author.publish(source('bad', '1.1.3')))).body;
    expect((await stage()).code).toBe('E_SIG_REVOKED');
    await mag('revocation:distrust', 'security');
    expect(await lists()).toMatchObject([{ issuer: 'security', counts: false }]);
    expect((await stage()).code).toBe('E_PKG_ROLLBACK'); // what is said next
    await copyFile(join(second.dataDir, 'trust-policy.json'), join(first.dataDir, 'trust-policy.json'));
    expect((await stage()).code).toBe('E_SIG_REVOKED');
  });

  it('that cannot be read any more lets nothing start', async () => {
    await using database = await openDatabase(first.database.url);
    await database.query("UPDATE mag.revocation_lists SET list = 'gone'");
    expect((await first.stage(await author.publish(source('good', '1.0.1')))).body.code).toBe(
      'E_REVOCATION_LIST',
    );
    expect(await who(first, GOOD)).toBe('1.0.0'); // what runs goes on
    const body = await signed(await changed({ number: 4 }));
    expect((await first.ask('POST', '/v1/revocations', { body })).status).toBe(200);
    expect((await first.stage(await author.publish(source('good', '1.0.1')))).status).toBe(201);
  });
});
