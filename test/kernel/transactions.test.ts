import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Gate } from '../../kernel/capability/gate.ts';
import { codeOf, MagError } from '../../kernel/errors.ts';
import { HostCalls } from '../../kernel/host-calls.ts';
import { type KernelCallParts, kernelCalls } from '../../kernel/kernel-calls.ts';
import { CallTransactions } from '../../kernel/transactions.ts';
import type { ExtensionId, Manifest } from '../../manifests/manifest/manifest.ts';
import { type MagdsBench, openMagdsBench } from '../adapters/magds/magds-bench.ts';
import { until } from '../support/host.ts';
import { manifestOf } from '../support/manifest.ts';

const CAPABILITIES = [
  { name: 'database.read', reason: 'Reads.' },
  { name: 'database.write', reason: 'Writes.' },
];

/** No event is published here, and no state kept. */
const NOTHING_ELSE = {} as Pick<KernelCallParts, 'bus' | 'state' | 'extensions'>;

/** As frames of a cell say it: the guest may put any id into them. */
describe('the transactions of calls', () => {
  let bench: MagdsBench;
  let calls: HostCalls;
  let gate: Gate;
  const me = manifestOf({ id: 'acme/me', capabilities: CAPABILITIES });
  const other = manifestOf({ id: 'acme/other', capabilities: CAPABILITIES });
  const blind = manifestOf({ id: 'acme/blind' });

  beforeAll(async () => {
    bench = await openMagdsBench();
    for (const { id } of [me, other]) {
      await bench.adapter.data.provision(id);
      const up = 'CREATE TABLE things (n int)';
      await bench.adapter.data.migrate(id, [{ name: '0001_things', up, down: null }]);
    }
  });
  afterAll(() => bench.close());
  beforeEach(() => {
    gate = new Gate();
    for (const manifest of [me, other]) {
      const read = { capability: 'database.read', scope: null } as const;
      gate.hold(manifest, [read, { capability: 'database.write', scope: null }]);
    }
    const open = new CallTransactions(bench.adapter.transactions, gate, () => undefined);
    calls = new HostCalls({
      gate,
      adapters: new Map([['magds', bench.adapter]]),
      transactions: open,
      handlers: kernelCalls({ ...NOTHING_ELSE, open, transactions: bench.adapter.transactions }),
      deny: async (_caller, { code, detail }) => {
        throw new MagError(code, detail);
      },
    });
  });

  const dispatch = async (manifest: Manifest, call: AbortSignal, name: string, params: object) =>
    JSON.parse(
      await calls.dispatch(manifest, name, JSON.stringify(params), {
        request: null,
        signal: call,
        unit: null,
        chain: [],
      }),
    );
  const refusal = (...args: Parameters<typeof dispatch>) => dispatch(...args).then(() => 'done', codeOf);
  const newCall = () => new AbortController();
  const things = async (id: ExtensionId) => {
    const { rows } = await bench.query(id, 'SELECT n FROM things ORDER BY n');
    return rows.map(({ n }) => n);
  };
  const insert = (transaction: string) => ({ sql: 'INSERT INTO things VALUES (1)', transaction });

  it('are of no use to another call, nor to another extension', async () => {
    const mine = newCall();
    const { transaction } = await dispatch(me, mine.signal, 'db.begin', {});
    for (const manifest of [me, other]) {
      for (const [name, params] of [
        ['db.query', insert(transaction)],
        ['db.commit', { transaction }],
        ['db.rollback', { transaction }],
      ] as const)
        expect(await refusal(manifest, newCall().signal, name, params)).toBe('E_PARAMS');
    }
    await dispatch(me, mine.signal, 'db.query', insert(transaction));
    await dispatch(me, mine.signal, 'db.commit', { transaction });
    expect(await things('acme/me')).toEqual([1]);
    expect(await refusal(me, mine.signal, 'db.commit', { transaction })).toBe('E_PARAMS');
    expect(await refusal(me, mine.signal, 'db.query', insert(transaction))).toBe('E_PARAMS');
    expect(await refusal(me, mine.signal, 'db.query', insert('no id'))).toBe('E_PARAMS');
  });

  it('end with their call, also one that ends while it begins', async () => {
    const mine = newCall();
    const { transaction } = await dispatch(me, mine.signal, 'db.begin', {});
    await dispatch(me, mine.signal, 'db.query', insert(transaction));
    mine.abort();
    const early = newCall();
    const beginning = dispatch(me, early.signal, 'db.begin', {}).catch(() => undefined);
    early.abort();
    await beginning;
    const open = async () => {
      const { rows } = await bench.database.pool.query(
        "SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename LIKE 'ext_acme_me%' AND xact_start IS NOT NULL",
      );
      return rows[0].n;
    };
    await until(open, (n) => n === 0);
    expect(await things('acme/me')).toEqual([1]);
    // Nothing of it is counted any more: as many as ever can be opened.
    const ends = [newCall(), newCall(), newCall()];
    for (const { signal } of ends) await dispatch(me, signal, 'db.begin', {});
    for (const end of ends) end.abort();
  });

  it('are over when a statement ran over its time', async () => {
    const mine = newCall();
    const { transaction } = await dispatch(me, mine.signal, 'db.begin', {});
    // Without end, and without a temporary file that would meet its own limit on a fast machine.
    const sql =
      'SELECT count(*) FROM generate_series(1, 1000000) a, LATERAL (SELECT count(*) FROM generate_series(1, 9000 + a % 2)) b';
    expect(await refusal(me, mine.signal, 'db.query', { sql, transaction })).toBe('E_DB_TIMEOUT');
    expect(await refusal(me, mine.signal, 'db.query', insert(transaction))).toBe('E_DB_TIMEOUT');
    expect(await refusal(me, mine.signal, 'db.commit', { transaction })).toBe('E_DB_TIMEOUT');
    expect(await things('acme/me')).toEqual([1]);
  });

  it('are over when the server ended the connection', async () => {
    const mine = newCall();
    const { transaction } = await dispatch(me, mine.signal, 'db.begin', {});
    await bench.database.pool.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE 'ext_acme_me%' AND xact_start IS NOT NULL",
    );
    expect(await refusal(me, mine.signal, 'db.query', insert(transaction))).toBe('E_STORAGE');
    expect(await things('acme/me')).toEqual([1]);
  });

  it('need a right to the database', async () => {
    gate.hold(blind, []);
    expect(await refusal(blind, newCall().signal, 'db.begin', {})).toBe('E_CAP_UNDECLARED');
    gate.hold(me, []);
    expect(await refusal(me, newCall().signal, 'db.begin', {})).toBe('E_CAP_REVOKED');
  });
});
