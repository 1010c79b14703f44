import { execFile, spawnSync } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { ROOT_DIR } from '../../host/paths.ts';
import { ChaosHost } from '../chaos/world/chaos-host.ts';
import { copyCheckout } from '../support/checkout.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/host.ts';
import { type OwnNatsServer, ownNatsServer } from '../support/nats.ts';
import { plainEnvironment } from '../support/plain-environment.ts';

const LOAD_MS = 6_000;
/** An installation by npm, and three hosts on a machine that does other things. */
const PATIENCE_MS = 900_000;
const GUESTBOOK = 'magflock/guestbook';

const read = (path: string) => readFile(join(ROOT_DIR, path), 'utf8');

describe('the unit for systemd', () => {
  const found = spawnSync('systemd-analyze', ['--version']).status === 0;
  if (!found) process.stderr.write('skipped: there is no systemd-analyze\n');

  it.skipIf(!found)('is one that systemd understands', () => {
    const { stderr } = spawnSync('systemd-analyze', ['verify', join(ROOT_DIR, '.deploy/magflock.service')]);
    // The program and the folder are those of another machine.
    const faults = `${stderr}`.split('\n').filter((line) => line.includes('magflock.service:'));
    expect(faults).toEqual([]);
  });
});

describe('the example for Kubernetes', () => {
  it('asks the host where it answers', async () => {
    const documents = parseAllDocuments(await read('.deploy/kubernetes.yaml')).map((one) => one.toJS());
    const [container] = documents[1].spec.template.spec.containers;
    expect(container.readinessProbe.httpGet.path).toBe('/readyz');
    expect(container.livenessProbe.httpGet.path).toBe('/healthz');
    expect(container.ports[0].containerPort).toBe(7070);
  });
});

const nats = await ownNatsServer();

describe.skipIf(nats === null)('what the Dockerfile makes, as the three hosts of the example', () => {
  let image: string;
  let database: TestDatabase;
  const hosts: ChaosHost[] = [];

  beforeAll(async () => {
    image = await mkdtemp(join(tmpdir(), 'magflock-image-'));
    await chmod(image, 0o755);
    [database] = await Promise.all([createTestDatabase(), buildImage(image)]);
    const { services } = parse(await read('.deploy/three-hosts/compose.yaml'), { merge: true });
    const names = Object.keys(services).filter((name) => services[name].build !== undefined);
    expect(names).toEqual(['host-1', 'host-2', 'host-3']);
    // At once, as compose starts them.
    const main = join(image, 'host/main.ts');
    const started = names.map((name) => ChaosHost.start(here(services[name].environment), { main }));
    hosts.push(...(await Promise.all(started)));
  }, PATIENCE_MS);
  afterAll(async () => {
    await Promise.all(hosts.map((host) => host[Symbol.asyncDispose]()));
    await nats?.[Symbol.asyncDispose]();
    await database?.drop();
    if (image !== undefined) await rm(image, { recursive: true, force: true });
  });

  /** The same environment, with the servers where they are here. */
  function here(environment: Record<string, string>): Record<string, string> {
    expect(Object.keys(environment).sort()).toEqual(['DATABASE_URL', 'MAG_EVENTS', 'NATS_URL']);
    return {
      ...environment,
      MAG_PREINSTALL: `magflock/spine,${GUESTBOOK}`, // with something to put load on
      DATABASE_URL: database.url,
      NATS_URL: (nats as OwnNatsServer).url,
    };
  }

  it('holds no private key', async () => {
    await expect(stat(join(image, '.build/keys/magflock.key'))).rejects.toThrow('ENOENT');
    await stat(join(image, '.build/keys/magflock.pub'));
  });

  it('come up with the extension they are to come with, on all three', async () => {
    for (const host of hosts) {
      const { hosts: all } = (await host.ask('GET', '/v1/hosts')).body;
      expect(all.map(({ state }: { state: string }) => state)).toEqual(['serving', 'serving', 'serving']);
      expect((await host.ask('GET', '/v1/host')).body.degradations).not.toContainEqual(
        expect.objectContaining({ name: expect.stringMatching(/^preinstall/) }),
      );
      await until(
        async () => (await host.ask('GET', `/x/${GUESTBOOK}/entries`)).status,
        (status) => status === 200,
      );
    }
  });

  it(
    'lose nothing they said yes to under load, while one of them is killed',
    async () => {
      const written = new Set<string>();
      const refused: unknown[] = [];
      const end = Date.now() + LOAD_MS;
      let killed: ChaosHost | undefined;
      const write = async (host: ChaosHost, name: string) => {
        for (let number = 0; Date.now() < end && host !== killed; number++) {
          const entry = { name, message: `${number}` };
          const answer = await host.ask('POST', `/x/${GUESTBOOK}/entries`, entry).catch(() => null);
          if (answer?.status === 201) written.add(answer.body.id);
          else if (host !== killed) refused.push(answer?.body);
        }
      };
      const writers = hosts.flatMap((host, index) =>
        [0, 1, 2].map((n) => write(host, `writer ${index}.${n}`)),
      );
      await sleep(LOAD_MS / 3);
      killed = hosts[1];
      await killed?.process.kill('SIGKILL');
      await Promise.all(writers);
      expect(refused).toEqual([]);
      expect(written.size).toBeGreaterThan(20);

      const { rows } = await database.pool.query('SELECT id::text FROM ext_magflock_guestbook.entries');
      const stored = new Set(rows.map(({ id }) => id));
      expect([...written].filter((id) => !stored.has(id))).toEqual([]);
      // Another host takes the subscription over when the lease of the killed one is up, and counts what waits. Of the
      // last entry of each of its writers the killed host may have stored the row and not yet published the event.
      for (const host of hosts.filter((one) => one !== killed)) {
        const counted = async () => (await host.ask('GET', `/x/${GUESTBOOK}/signatures`)).body.signatures;
        await expect
          .poll(counted, { timeout: 150_000, interval: 200 })
          .toBeOneOf(range(written.size, stored.size));
      }
    },
    PATIENCE_MS,
  );
});

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** Does what the Dockerfile says, here. */
async function buildImage(to: string): Promise<void> {
  const ignored = (await read('.dockerignore')).split('\n').filter((line) => line !== '');
  await copyCheckout(
    to,
    (path) => !ignored.some((pattern) => path === pattern || path.startsWith(`${pattern}/`)),
  );
  const lines = (await read('Dockerfile')).replaceAll('\\\n', '').split('\n');
  const commands = lines.filter((line) => line.startsWith('RUN ')).map((line) => line.slice(4));
  expect(commands.length).toBeGreaterThan(1);
  // Node 24 before any other, as in the image; of this checkout nothing else.
  const env = plainEnvironment(dirname(process.execPath));
  for (const command of commands) await promisify(execFile)('sh', ['-c', command], { cwd: to, env });
}
