import { describe, expect, it } from 'vitest';
import { breakIn, chain, GENESIS_HASH } from '../../../kernel/audit/chain.ts';
import type { AuditEntry, AuditRecord } from '../../../kernel/ports.ts';

const entry = (action: string): AuditEntry => ({
  at: new Date('2026-11-21T00:00:00.123Z'),
  principal: 'host',
  tenant: 't_system',
  action,
  target: 'acme/hello',
  outcome: 'ok',
  detail: { b: 1, a: [1, 'two', null] },
});

function firstBreak(records: readonly AuditRecord[]): number | null {
  let previous: AuditRecord | null = null;
  for (const record of records) {
    if (breakIn(previous, record) !== null) return record.sequence;
    previous = record;
  }
  return null;
}

describe('the audit chain', () => {
  const records = chain(null, [entry('a'), entry('b'), entry('c')]);

  it('starts from the genesis hash and counts without a gap', () => {
    expect(records.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    expect(records[0]?.previousHash).toBe(GENESIS_HASH);
    expect(firstBreak(records)).toBeNull();
  });

  it('continues behind the last record', () => {
    expect(firstBreak([...records, ...chain(records[2] ?? null, [entry('d')])])).toBeNull();
  });

  it.each([
    ['action', { action: 'x' }],
    ['detail', { detail: { b: 1, a: [1, 'two', 0] } }],
    ['time', { at: new Date('2026-11-21T00:00:00.124Z') }],
    ['outcome', { outcome: 'refused' as const }],
    ['principal', { principal: 'token:other' }],
  ])('breaks at a record whose %s was changed', (_name, change) => {
    const tampered = records.map((record) => (record.sequence === 2 ? { ...record, ...change } : record));
    expect(firstBreak(tampered)).toBe(2);
  });

  it('breaks where a record was taken out', () => {
    expect(firstBreak(records.filter(({ sequence }) => sequence !== 2))).toBe(3);
  });

  it('breaks when a changed record was hashed again', () => {
    const [first] = records;
    const forged = chain(first ?? null, [entry('forged')]);
    expect(firstBreak([...records.slice(0, 1), ...forged, ...records.slice(2)])).toBe(3);
  });
});
