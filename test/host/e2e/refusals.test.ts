import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rawArchive } from '../../kernel/trust/fixtures/archives.ts';
import { Author, type SignedPackage } from '../../support/author.ts';
import { TestHost } from '../../support/host.ts';
import { NEIGHBOUR } from '../../support/sources.ts';

describe('packages that must not get in', () => {
  let host: TestHost;
  let acme: Author;
  let mallory: Author;
  let good: SignedPackage;

  beforeAll(async () => {
    host = await TestHost.start();
    [acme, mallory] = await Promise.all([Author.create('acme'), Author.create('mallory')]);
    await host.trust(acme);
    good = await acme.publish(NEIGHBOUR);
  });
  afterAll(async () => {
    await Promise.all([acme, mallory].map((author) => author[Symbol.asyncDispose]()));
    await host[Symbol.asyncDispose]();
  });

  const impostor = async (): Promise<SignedPackage> => {
    await using forger = await Author.create('acme');
    return await forger.publish(NEIGHBOUR);
  };
  const climbing = async () => {
    const archive = await rawArchive([
      { name: 'manifest.json', content: '{}' },
      { name: '../../escaped.txt', content: 'out' },
    ]);
    return { archive, bundle: await acme.sign(archive) };
  };
  const flipped = (bytes: Uint8Array) => bytes.map((byte, i) => (i === bytes.length - 20 ? byte ^ 1 : byte));

  it.each<[string, string, () => Promise<{ archive: Uint8Array; bundle?: string }>]>([
    ['without a signature', 'E_SIG_MISSING', async () => ({ archive: good.archive })],
    ['of a publisher nobody trusts', 'E_SIG_UNTRUSTED', async () => mallory.publish(NEIGHBOUR)],
    ['signed by another key', 'E_SIG_IDENTITY', impostor],
    ['with a bundle that is none', 'E_SIG_INVALID', async () => ({ archive: good.archive, bundle: '{}' })],
    [
      'that is no archive',
      'E_SIG_INVALID',
      async () => ({ archive: new TextEncoder().encode('hello'), bundle: good.bundle }),
    ],
    ['with ../ in its archive', 'E_PKG_INVALID', () => climbing()],
  ])('refuses one %s: %s', async (_what, code, make) => {
    const { status, body } = await host.stage(await make());
    expect(body.code).toBe(code);
    expect(status).toBeGreaterThanOrEqual(400);
  });

  it('refuses a tampered one', async () => {
    const { body } = await host.stage({ archive: flipped(good.archive), bundle: good.bundle });
    expect(['E_SIG_INVALID', 'E_SIG_SUBJECT', 'E_PKG_INVALID']).toContain(body.code);
  });

  it('stored nothing of all that, and recorded every refusal', async () => {
    const { rows } = await host.database.pool.query('SELECT count(*)::int AS n FROM mag.packages');
    expect(rows).toEqual([{ n: 0 }]);
    expect((await host.ask('GET', '/v1/extensions')).body.extensions).toEqual([]);
    const { body } = await host.ask('GET', '/v1/audit?limit=100');
    const refused = body.records.filter(
      (record: { action: string; outcome: string }) =>
        record.action === 'extension.stage' && record.outcome === 'refused',
    );
    expect(refused.length).toBeGreaterThanOrEqual(6);
  });

  it('refuses the same version with other content, and an older one than was installed', async () => {
    const publish = (version: string, mark: string) =>
      acme.publish({
        ...NEIGHBOUR,
        manifest: { ...NEIGHBOUR.manifest, name: 'steady', version },
        code: `// ${mark}\n${NEIGHBOUR.code}`,
      });
    await host.run(await publish('2.0.0', 'first'));
    expect((await host.stage(await publish('2.0.0', 'second'))).body.code).toBe('E_PKG_EQUIVOCATION');
    expect((await host.stage(await publish('1.9.0', 'old'))).body.code).toBe('E_PKG_ROLLBACK');
  });

  it('does not start what was signed by a key that was removed since', async () => {
    await using globex = await Author.create('globex');
    await host.trust(globex);
    const signed = await globex.publish(NEIGHBOUR);
    await host.run(signed);
    await host.ask('DELETE', '/v1/trust/globex');
    await host.shutdown();
    await host.boot();
    const shown = await host.show(signed.id);
    expect([shown.state, shown.reason.code]).toEqual(['failed', 'E_SIG_REVOKED']);
    expect((await host.ask('GET', '/v1/startup')).body.extensions).toContainEqual(
      expect.objectContaining({ extension: signed.id, state: 'failed' }),
    );
  });

  it('starts the same bytes again when they come with a signature by the key that took over', async () => {
    await using before = await Author.create('initech');
    await using after = await Author.create('initech');
    await host.trust(before);
    const [signed, signedAgain] = [await before.publish(NEIGHBOUR), await after.publish(NEIGHBOUR)];
    expect(Buffer.compare(signedAgain.archive, signed.archive)).toBe(0);
    await host.run(signed);
    await host.ask('DELETE', '/v1/trust/initech');
    await host.trust(after);
    await host.shutdown();
    await host.boot();
    expect((await host.show(signed.id)).reason.code).toBe('E_SIG_REVOKED');
    expect((await host.stage(signedAgain)).status).toBe(201);
    expect((await host.operate(signed.id, 'enable')).body.state).toBe('succeeded');
    expect((await host.show(signed.id)).state).toBe('enabled');
  });
});
