import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SAFE_FUNCTIONS } from '../../../adapters/magds/functions.ts';
import { createEmptyDatabase, type TestDatabase } from '../../support/database.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createEmptyDatabase();
});
afterAll(() => database.drop());

async function names(condition: string): Promise<string[]> {
  const { rows } = await database.pool.query<{ name: string }>(
    `SELECT DISTINCT p.proname AS name FROM pg_proc p
     WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname = ANY ($1) AND ${condition} ORDER BY 1`,
    [[...SAFE_FUNCTIONS]],
  );
  return rows.map(({ name }) => name);
}

describe('every overload of a safe function, as the server has it', () => {
  it('exists', async () => {
    const known = new Set(await names('true'));
    expect([...SAFE_FUNCTIONS].filter((name) => !known.has(name))).toEqual([]);
  });

  it('changes nothing: what is volatile is a clock or chance', async () => {
    expect(await names("p.provolatile = 'v'")).toEqual([
      'array_sample',
      'array_shuffle',
      'clock_timestamp',
      'gen_random_uuid',
      'random',
      'uuidv4',
      'uuidv7',
    ]);
  });

  it('looks nothing up in the catalogues by name', async () => {
    const taken = await names(
      `EXISTS (SELECT FROM unnest(p.proargtypes::oid[]) AS a (t) WHERE a.t IN ('regclass'::regtype,
         'regproc'::regtype, 'regrole'::regtype, 'regtype'::regtype, 'regnamespace'::regtype,
         'refcursor'::regtype))`,
    );
    expect(taken).toEqual([]);
  });

  it('may be called by everybody, and with the rights of its caller', async () => {
    expect(await names('p.proacl IS NOT NULL OR p.prosecdef')).toEqual([]);
  });
});

describe('what `row.name` can call when the row has no such column', () => {
  it('only describes the value', async () => {
    const { rows } = await database.pool.query<{ name: string }>(
      `SELECT DISTINCT proname AS name FROM pg_proc
       WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind <> 'p'
         AND pronargs >= 1 AND pronargs - pronargdefaults <= 1
         AND proargtypes[0] IN ('record'::regtype, '"any"'::regtype, 'anyelement'::regtype,
           'anynonarray'::regtype, 'anycompatible'::regtype, 'anycompatiblenonarray'::regtype)`,
    );
    const others = rows
      .map(({ name }) => name)
      .filter((name) => !SAFE_FUNCTIONS.has(name) && !name.startsWith('pg_')) // the gate refuses x.pg_…
      .filter((name) => !/^(any\w*_out|record_(out|send)|hash_record)$/.test(name));
    expect(others).toEqual([]);
  });
});
