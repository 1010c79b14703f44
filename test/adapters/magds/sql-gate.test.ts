import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { createSqlParser, MAX_SQL_BYTES } from '../../../adapters/magds/parser.ts';
import { createSqlGate, type SqlGate } from '../../../adapters/magds/sql-gate.ts';
import type { Demand } from '../../../kernel/capability/gate.ts';
import { codeOf, MagError } from '../../../kernel/errors.ts';
import { ALLOWED, FORBIDDEN, MALFORMED, OWN_SCHEMA } from './sql-corpus.ts';

let gate: SqlGate;

beforeAll(async () => {
  gate = createSqlGate(await createSqlParser());
});

function short({ capability, resource }: Demand): string {
  const name = capability.replace('database.', '');
  if (resource === undefined) return name;
  expect(resource.tables?.startsWith(`${resource.schemas}.`)).toBe(true);
  return `${name} ${resource.tables}`;
}

async function outcome(sql: string): Promise<string | undefined> {
  return gate.analyse(sql, OWN_SCHEMA).then(
    () => 'allowed',
    (thrown: unknown) => codeOf(thrown),
  );
}

describe('the text of a statement', () => {
  it.each(ALLOWED)('allows $sql', async ({ sql, command, demands }) => {
    const analysis = await gate.analyse(sql, OWN_SCHEMA);
    expect(analysis.command).toBe(command);
    expect(analysis.demands.map(short).sort()).toEqual([...demands].sort());
  });

  it.each(FORBIDDEN)('forbids %j', async (sql) => {
    expect(await outcome(sql)).toBe('E_SQL_FORBIDDEN');
  });

  it.each(MALFORMED)('does not parse %j', async (sql) => {
    expect(await outcome(sql)).toBe('E_SQL_SYNTAX');
  });

  it('says where it does not parse, without the text', async () => {
    const error = await gate
      .analyse("select 1,\n 'secret' 'x'", OWN_SCHEMA)
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(MagError);
    expect(String(error)).toMatch(/line 2/);
    expect(String(error)).not.toMatch(/secret/);
  });

  it('is the same from the cache, and another for another schema', async () => {
    const first = await gate.analyse('select * from ext_acme_notes.notes', OWN_SCHEMA);
    expect(await gate.analyse('select * from ext_acme_notes.notes', OWN_SCHEMA)).toBe(first);
    const foreign = gate.analyse('select * from ext_acme_notes.notes', 'ext_acme_other');
    await expect(foreign).rejects.toMatchObject({ code: 'E_SQL_FORBIDDEN' });
  });
});

describe('a statement made to hurt the parser', () => {
  const nested: readonly [string, string][] = [
    ['parentheses', `select ${'('.repeat(10_000)}1${')'.repeat(10_000)}`],
    ['operators', `select ${'1+'.repeat(20_000)}1`],
    ['negations', `select ${'not '.repeat(15_000)}true`],
    ['subqueries', `select ${'(select '.repeat(4_000)}1${')'.repeat(4_000)}`],
    ['arrays', `select ${'array['.repeat(9_000)}1${']'.repeat(9_000)}`],
    ['WITH clauses', `${'with a as ('.repeat(3_000)}select 1${') select 1'.repeat(3_000)}`],
    ['joins', `select * from ${'('.repeat(5_000)}a${' join b on true)'.repeat(3_000)}`],
  ];

  it.each(nested)('deep %s are refused, and the next one is read', async (_what, sql) => {
    const code = await outcome(sql);
    expect(['E_SQL_FORBIDDEN', 'E_SQL_SYNTAX']).toContain(code);
    expect(await outcome('select * from notes')).toBe('allowed');
  });

  it('many at once are refused, and the next one is read', async () => {
    const attacks = nested.flatMap(([, sql]) => [outcome(`${sql} `), outcome(`${sql}  `)]);
    expect(await Promise.all(attacks)).not.toContain('allowed');
    expect(await outcome('select * from notes where 1 = 1')).toBe('allowed');
  });

  it('reads depth that people write', async () => {
    expect(await outcome(`select ${'('.repeat(50)}1${')'.repeat(50)}`)).toBe('allowed');
    expect(await outcome(`select ${'x || '.repeat(200)}x from notes`)).toBe('allowed');
    expect(await outcome(`select 1 in (${'1,'.repeat(5_000)}1)`)).toBe('allowed');
  });

  it('is at most 64 KiB long', async () => {
    const most = `select '${'ä'.repeat(30_000)}'`;
    expect(await outcome(most)).toBe('allowed');
    expect(await outcome(`${most}${' '.repeat(MAX_SQL_BYTES)}`)).toBe('E_SQL_FORBIDDEN');
  });
});

describe('any text', () => {
  const fragments = [
    'select',
    'from',
    'with',
    'as',
    '(',
    ')',
    ',',
    'notes',
    'pg_class',
    'mag.grants',
    '1',
    "'x'",
    '$1',
    ';',
    '--',
    '/*',
    '*/',
    '"',
    '::',
    'regclass',
    'update',
    'set',
    'returning',
    'insert into',
    'values',
    '=',
    'lateral',
    'order by',
    '\0',
    '\ud800',
    'U&"\\',
    '$$',
  ];
  const texts = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.array(fc.constantFrom(...fragments), { maxLength: 25 }).map((words) => words.join(' ')),
    fc
      .tuple(fc.constantFrom(...ALLOWED), fc.nat(200), fc.string({ maxLength: 5 }))
      .map(([{ sql }, at, noise]) => sql.slice(0, at) + noise + sql.slice(at)),
  );

  it('is analysed or refused with one of our codes', async () => {
    await fc.assert(
      fc.asyncProperty(texts, async (sql) => {
        expect(['allowed', 'E_SQL_FORBIDDEN', 'E_SQL_SYNTAX']).toContain(await outcome(sql));
      }),
      { numRuns: 2_000 },
    );
  });
});
