import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSqlParser, MAX_SQL_BYTES } from '../../../adapters/magds/parser.ts';
import { ReadingThread } from '../../../adapters/magds/reading-thread.ts';
import { createSqlGate, type SqlGate } from '../../../adapters/magds/sql-gate.ts';
import { createStatementGate } from '../../../adapters/magds/statement-gate.ts';
import { codeOf } from '../../../kernel/errors.ts';
import { OWN_SCHEMA } from './sql-corpus.ts';

/** What keeps the parser busiest: tokens. */
const LONGEST = `SELECT ${'1,'.repeat(MAX_SQL_BYTES / 2 - 10)}1`;
const LONG = `SELECT ${'1,'.repeat(3_000)}n FROM ${OWN_SCHEMA}.notes, public.users`;

const outcome = (promise: Promise<unknown>) =>
  promise.then(
    () => 'read',
    (thrown: unknown) => codeOf(thrown),
  );

describe('a long statement', () => {
  let gate: SqlGate & AsyncDisposable;
  beforeEach(async () => {
    gate = createStatementGate(await createSqlParser());
  });
  afterEach(() => gate[Symbol.asyncDispose]());

  it('is judged as a short one is', async () => {
    const same = createSqlGate(await createSqlParser());
    expect(await gate.analyse(LONG, OWN_SCHEMA)).toEqual(await same.analyse(LONG, OWN_SCHEMA));
    const filler = `/* ${'x'.repeat(5_000)} */`;
    expect(await outcome(gate.analyse(`SELECT pg_sleep(1) ${filler}`, OWN_SCHEMA))).toBe('E_SQL_FORBIDDEN');
    expect(await outcome(gate.analyse(`SELECT FROM FROM ${filler}`, OWN_SCHEMA))).toBe('E_SQL_SYNTAX');
    expect(await outcome(gate.analyse('x'.repeat(MAX_SQL_BYTES + 1), OWN_SCHEMA))).toBe('E_SQL_FORBIDDEN');
  });

  it('is read while the host does other work', async () => {
    await gate.analyse(LONG, OWN_SCHEMA); // the thread runs
    let isRead = false;
    const reading = gate.analyse(LONGEST, OWN_SCHEMA).then(() => {
      isRead = true;
    });
    let turns = 0;
    for (; !isRead; turns++) await new Promise((resolve) => setImmediate(resolve));
    await reading;
    // On this thread it would take one turn.
    expect(turns).toBeGreaterThan(50);
  });

  it('is not waited for when the host ends', async () => {
    const waiting = [outcome(gate.analyse(LONGEST, OWN_SCHEMA)), outcome(gate.analyse(LONG, OWN_SCHEMA))];
    await gate[Symbol.asyncDispose]();
    expect(await Promise.all(waiting)).toEqual(['E_SHUTDOWN', 'E_SHUTDOWN']);
    expect(await outcome(gate.analyse(LONG, OWN_SCHEMA))).toBe('E_SHUTDOWN');
    expect(await outcome(gate.analyse('SELECT 1', OWN_SCHEMA))).toBe('read');
  });

  it('fails when it is not read in time, and the next one is read', async () => {
    await using thread = new ReadingThread(1);
    expect(await outcome(thread.analyse(LONGEST, OWN_SCHEMA))).toBe('E_DB_TIMEOUT');
    await using patient = new ReadingThread();
    expect(await outcome(patient.analyse(LONG, OWN_SCHEMA))).toBe('read');
  });
});
