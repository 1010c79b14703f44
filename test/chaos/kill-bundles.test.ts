import { expect, it } from 'vitest';
import { Author, type SignedPackage } from '../support/author.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { NOTHING, remainsOf } from '../support/remains.ts';
import { serving } from '../support/sources.ts';
import { ChaosHost } from './world/chaos-host.ts';
import { PostgresProxy } from './world/postgres-proxy.ts';
import { random } from './world/seed.ts';

const LONG_MS = 15 * 60_000;
/** `npm run test:chaos` kills behind each write, `npm test` behind every fortieth, from a random one on. */
const EVERY = process.env.MAG_CHAOS === 'full' ? 1 : 40;

const BUNDLE = 'acme/pack';
/** The second needs the first, in the same version: they only go together. */
const MEMBERS = ['acme/base', 'acme/top'] as const;
type Version = '1.0.0' | '2.0.0';

/** What the bundle and both members are together; anything else is half of something. */
const WHOLE = ['uninstalled', 'staged', 'installed', 'enabled 1.0.0', 'enabled 2.0.0'] as const;
type Whole = (typeof WHOLE)[number];

it.each<{ kind: string; body: object; from: Whole; to: Whole }>([
  { kind: 'install', body: { version: '1.0.0', approve: 'all' }, from: 'staged', to: 'installed' },
  { kind: 'enable', body: {}, from: 'installed', to: 'enabled 1.0.0' },
  { kind: 'upgrade', body: { version: '2.0.0', approve: 'all' }, from: 'enabled 1.0.0', to: 'enabled 2.0.0' },
  { kind: 'rollback', body: {}, from: 'enabled 2.0.0', to: 'enabled 1.0.0' },
  { kind: 'uninstall', body: { purge: true }, from: 'installed', to: 'uninstalled' },
])(
  'a host that is killed behind each write of $kind of a bundle in turn moved all of it or nothing',
  async ({ kind, body, from, to }) => {
    await using author = await Author.create('acme');
    const packages = [...(await publish(author, '1.0.0')), ...(await publish(author, '2.0.0'))];
    const database = await createTestDatabase();
    await using _drop = { [Symbol.asyncDispose]: () => database.drop() };
    await using proxy = await PostgresProxy.open(database.url);
    await using host = await ChaosHost.start({ DATABASE_URL: proxy.url });
    await host.trust(author);
    const seen: Whole[] = [];
    for (let n = 1 + Math.floor(random(kind)() * EVERY); ; n += EVERY) {
      await bringTo(host, database, from, packages);
      const through = await killBehindWrite(host, proxy, n, () => host.begin(BUNDLE, kind, body));
      if (!through) await host.boot();
      const whole = await wholeOf(host, database);
      if (through) {
        expect(whole).toBe(to);
        break;
      }
      expect([from, to], `${kind}, killed behind write ${n}: ${proxy.writes.at(-1)}`).toContain(whole);
      seen.push(whole);
    }
    expect(seen.length).toBeGreaterThan(0);
  },
  LONG_MS,
);

async function publish(author: Author, version: Version): Promise<SignedPackage[]> {
  const range = `~${version}`;
  const member = (name: string, dependencies: object) =>
    author.publish({
      manifest: serving(name, ['GET /version'], { version, dependencies, migrations: 'migrations' }),
      code: `export default { endpoints: { 'GET /version': async () => ({ body: '${version}' }) } };`,
      files: {
        'migrations/0001_a.up.sql': 'CREATE TABLE a (id int);',
        'migrations/0001_a.down.sql': 'DROP TABLE a;',
      },
    });
  return [
    await member('base', {}),
    await member('top', { 'acme/base': range }),
    await author.publishBundle('pack', version, { 'acme/base': range, 'acme/top': range }),
  ];
}

/** @returns whether the operation was through before the n-th write */
async function killBehindWrite(
  host: ChaosHost,
  proxy: PostgresProxy,
  n: number,
  begin: () => Promise<string>,
): Promise<boolean> {
  const { child } = host.process;
  proxy.arm(n, () => child.kill('SIGKILL'));
  const worked = begin()
    .then((operation) => host.ended(operation))
    .then(
      ({ state }) => {
        proxy.disarm();
        expect(state).toBe('succeeded');
        return true;
      },
      (failure) => {
        if (proxy.writes.length < n) throw failure; // it was not the kill that ended it
        return false;
      },
    );
  const ended = host.process.ended;
  const through = await Promise.race([worked, ended.then(() => false)]);
  await worked;
  if (through && !child.killed) return true;
  await ended;
  return false;
}

/** What bundle and members are, after looking that records, roles, schemas, grants, locks and endpoints agree. */
async function wholeOf(host: ChaosHost, database: TestDatabase): Promise<Whole> {
  const parts = await Promise.all([BUNDLE, ...MEMBERS].map((id) => partOf(host, id)));
  expect(new Set(parts).size, `halves: ${parts.join(', ')}`).toBe(1);
  const whole = WHOLE.find((one) => one === parts[0]);
  if (whole === undefined) throw new Error(`it is ${parts[0]}`);
  const isThere = whole !== 'staged' && whole !== 'uninstalled';
  for (const id of MEMBERS) {
    const found = await remainsOf(database, id);
    expect(found).toEqual(isThere ? { schemas: 1, roles: 1, grants: 1, locks: 0 } : NOTHING);
    const { status, body } = await host.ask('GET', `/x/${id}/version`);
    if (whole.startsWith('enabled')) expect([status, `enabled ${body}`]).toEqual([200, whole]);
    else expect(status).toBeOneOf([404, 503]);
  }
  const { rows } = await database.pool.query(
    `SELECT (SELECT count(*)::int FROM mag.operations WHERE state = 'running') AS running,
       (SELECT count(*)::int FROM mag.operation_locks) AS locks`,
  );
  expect(rows).toEqual([{ running: 0, locks: 0 }]);
  return whole;
}

async function partOf(host: ChaosHost, id: string): Promise<string> {
  const shown = await host.show(id);
  if (shown === null) return 'uninstalled';
  return shown.state === 'enabled' ? `enabled ${shown.version}` : shown.state;
}

/** Brings bundle and members to a state by what an operator would do. */
async function bringTo(
  host: ChaosHost,
  database: TestDatabase,
  wanted: Whole,
  packages: readonly SignedPackage[],
): Promise<void> {
  const now = await wholeOf(host, database);
  if (now === wanted) return;
  await nextMove(host, now, wanted, packages);
  await bringTo(host, database, wanted, packages);
}

async function nextMove(
  host: ChaosHost,
  now: Whole,
  wanted: Whole,
  packages: readonly SignedPackage[],
): Promise<void> {
  const approve = 'all';
  if (now === 'uninstalled') for (const signed of packages) await host.stage(signed);
  else if (now === 'staged') await host.operate(BUNDLE, 'install', { version: '1.0.0', approve });
  else if (now === 'installed' && wanted !== 'staged') await host.operate(BUNDLE, 'enable');
  else if (now === 'enabled 1.0.0' && wanted === 'enabled 2.0.0')
    await host.operate(BUNDLE, 'upgrade', { version: '2.0.0', approve });
  else if (now === 'enabled 2.0.0' && wanted === 'enabled 1.0.0') await host.operate(BUNDLE, 'rollback');
  else {
    if (now.startsWith('enabled')) await host.operate(BUNDLE, 'disable');
    await host.operate(BUNDLE, 'uninstall', { purge: true });
  }
}
