import type { PoolClient } from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  createExtensionConnections,
  MAX_CONNECTIONS,
} from '../../../adapters/magds/extension-connections.ts';
import { openHostConnection } from '../../../adapters/magds/host-connection.ts';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import { silentLogger } from '../../support/silent-logger.ts';
import { type MagdsBench, openMagdsBench } from './magds-bench.ts';

const NOTES: ExtensionId = 'acme/notes';

describe('the connections of an extension', () => {
  let bench: MagdsBench;
  beforeAll(async () => {
    bench = await openMagdsBench();
    await bench.adapter.data.provision(NOTES);
  });
  afterAll(() => bench.close());

  /** Those of a host that comes when others have all that the role may have. */
  async function behindOthers(all: AsyncDisposableStack) {
    const others = await Promise.all(
      Array.from({ length: 8 }, () =>
        bench.connectAs(NOTES).catch((failure: { code: string }) => failure.code),
      ),
    );
    const taken = others.filter((one) => typeof one !== 'string');
    for (const client of taken) all.defer(() => client.end().catch(() => {}));
    const told: unknown[] = [];
    const host = await openHostConnection(bench.database.url, silentLogger);
    all.defer(() => host.pool.end());
    const connections = all.use(
      createExtensionConnections(host, silentLogger, (...failed) => told.push(failed)),
    );
    return { connections, taken, told };
  }

  it('are waited for while other hosts have all that the role may have', async () => {
    await using all = new AsyncDisposableStack();
    const { connections, taken, told } = await behindOthers(all);
    await expect(connections.acquire(NOTES, 300)).rejects.toMatchObject({ code: 'E_DB_TIMEOUT' });
    expect(told).toEqual([[NOTES, 'E_DB_TIMEOUT']]);
    const acquired = connections.acquire(NOTES, 30_000);
    await taken[0]?.end(); // another host has one less
    const client = await acquired;
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    client.release();
    expect(MAX_CONNECTIONS).toBeLessThan(taken.length);
  });

  it('are not free in time either when the last refusal comes before the timer', async () => {
    await using all = new AsyncDisposableStack();
    const { connections } = await behindOthers(all);
    vi.useFakeTimers({ toFake: ['setTimeout'] }); // as on a busy host, which reads answers first
    try {
      await expect(connections.acquire(NOTES, 100)).rejects.toMatchObject({ code: 'E_DB_TIMEOUT' });
    } finally {
      vi.useRealTimers();
    }
  });

  it('may break while they are in use: what is done with them fails, and nothing else', async () => {
    await using all = new AsyncDisposableStack();
    const host = await openHostConnection(bench.database.url, silentLogger);
    all.defer(() => host.pool.end());
    const connections = all.use(createExtensionConnections(host, silentLogger, () => undefined));
    const broken = async (client: PoolClient): Promise<void> => {
      const ended = new Promise((resolve) => client.once('end', resolve));
      const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
      await bench.database.pool.query('SELECT pg_terminate_backend($1)', [rows[0].pid]);
      await ended; // between two statements, when nobody waits for it
    };
    const work = host.transaction(async (client) => {
      await broken(client);
      await client.query('SELECT 1');
    });
    await expect(work).rejects.toMatchObject({ code: 'E_STORAGE' });
    const client = await connections.acquire(NOTES, 10_000);
    await broken(client);
    await expect(client.query('SELECT 1')).rejects.toThrow();
    client.release(true);
  });
});
