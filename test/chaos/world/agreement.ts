import { expect } from 'vitest';
import { strayCells } from '../../sandbox/world/cell-processes.ts';
import type { TestDatabase } from '../../support/database.ts';
import { until } from '../../support/host.ts';
import type { ChaosHost } from './chaos-host.ts';
import { ID, MIGRATIONS, TABLES, type Version } from './subject.ts';

const SCHEMA = 'ext_acme_subject';

/** Everything there is of the subject, wherever it is. */
interface Traces {
  readonly roles: number;
  readonly schemas: number;
  readonly tables: string[];
  readonly migrations: string[];
  readonly grants: number;
  readonly kept: string[];
  readonly subscriptions: number;
  readonly locks: number;
  readonly running: number;
  readonly files: boolean;
}

/**
 * That journal, registry, roles, schemas, files, cells and what is served agree, whatever happened before.
 * @returns the state of the subject
 */
export async function expectAgreement(host: ChaosHost, database: TestDatabase): Promise<string> {
  const shown = await host.show(ID);
  const state: string = shown?.state ?? 'uninstalled';
  expect(state).toBeOneOf(['staged', 'installed', 'enabled', 'disabled', 'uninstalled']);
  const found = await traces(host, database);
  expect({ locks: found.locks, running: found.running }).toEqual({ locks: 0, running: 0 });
  if (['staged', 'uninstalled'].includes(state)) expectNothing(found);
  else expectWhole(found, shown.version);
  await expectCells(host, state === 'enabled');
  await expectServed(host, state, shown?.version);
  expect((await host.ask('GET', '/v1/audit/verify')).body).toMatchObject({ ok: true });
  return state === 'enabled' ? `enabled ${shown.version}` : state;
}

function expectNothing(found: Traces): void {
  expect(found).toEqual({
    roles: 0,
    schemas: 0,
    tables: [],
    migrations: [],
    grants: 0,
    kept: [],
    subscriptions: 0,
    locks: 0,
    running: 0,
    files: false,
  });
}

function expectWhole(found: Traces, version: Version): void {
  expect(found).toMatchObject({
    roles: 1,
    schemas: 1,
    tables: TABLES[version],
    migrations: MIGRATIONS[version],
    grants: 6,
    files: true,
  });
  expect(found.kept).not.toContain(version);
}

async function expectCells(host: ChaosHost, runs: boolean): Promise<void> {
  const cells = async () => {
    const { body } = await host.ask('GET', `/v1/extensions/${ID}`);
    const pid: number | null | undefined = body.health?.process?.pid;
    const strays = await strayCells(new Set(typeof pid === 'number' ? [pid] : []));
    return { runs: pid !== undefined, strays };
  };
  // Those of a host that was killed take a moment, and so does one that is being started again.
  expect(await until(cells, ({ strays }) => strays.length === 0)).toEqual({ runs, strays: [] });
}

async function expectServed(host: ChaosHost, state: string, version: string): Promise<void> {
  const { status, body } = await host.ask('GET', `/x/${ID}/version`);
  if (state === 'enabled') expect({ status, body }).toEqual({ status: 200, body: version });
  else expect(body.code).toBeOneOf(['E_NOT_ENABLED', 'E_NOT_FOUND']);
}

async function traces(host: ChaosHost, { pool }: TestDatabase): Promise<Traces> {
  const { rows } = await pool.query(
    `SELECT
       (SELECT count(*)::int FROM mag.extension_roles WHERE extension_id = $1) AS "roleRows",
       (SELECT count(*)::int FROM pg_roles WHERE rolname IN
         (SELECT role FROM mag.extension_roles WHERE extension_id = $1)) AS roles,
       (SELECT count(*)::int FROM pg_namespace WHERE nspname = $2) AS schemas,
       (SELECT coalesce(json_agg(relname ORDER BY relname), '[]') FROM pg_class
         WHERE relnamespace = to_regnamespace($2) AND relkind = 'r') AS tables,
       (SELECT coalesce(json_agg(name ORDER BY name), '[]') FROM mag.extension_migrations
         WHERE extension_id = $1) AS migrations,
       (SELECT count(*)::int FROM mag.grants WHERE extension = $1) AS grants,
       (SELECT coalesce(json_agg(version), '[]') FROM mag.kept_versions WHERE extension = $1) AS kept,
       (SELECT count(*)::int FROM mag.subscriptions WHERE extension = $1) AS subscriptions,
       (SELECT count(*)::int FROM mag.operation_locks) AS locks,
       (SELECT count(*)::int FROM mag.operations WHERE state = 'running') AS running`,
    [ID, SCHEMA],
  );
  const { roleRows, ...found } = rows[0];
  expect(found.roles).toBe(roleRows);
  return { ...found, files: await host.hasFilesOf(ID) };
}
