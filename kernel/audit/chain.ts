import { createHash } from 'node:crypto';
import { canonicalJson } from '../../manifests/manifest/canonical.ts';
import type { AuditEntry, AuditRecord } from '../ports.ts';

/** What the first record names as its predecessor. */
export const GENESIS_HASH = '0'.repeat(64);

/** The hash of a record: SHA-256 over the previous hash and the canonical JSON of everything else in it. */
export function hashOf(entry: AuditEntry, sequence: number, previousHash: string): string {
  const content = canonicalJson({
    sequence,
    at: entry.at.toISOString(),
    principal: entry.principal,
    tenant: entry.tenant,
    action: entry.action,
    target: entry.target,
    outcome: entry.outcome,
    detail: entry.detail,
  });
  return createHash('sha256').update(previousHash).update('\n').update(content).digest('hex');
}

/** Chains entries behind the last record. */
export function chain(last: AuditRecord | null, entries: readonly AuditEntry[]): AuditRecord[] {
  let sequence = last?.sequence ?? 0;
  let previousHash = last?.hash ?? GENESIS_HASH;
  return entries.map((entry) => {
    sequence += 1;
    const record = { ...entry, sequence, previousHash, hash: hashOf(entry, sequence, previousHash) };
    previousHash = record.hash;
    return record;
  });
}

/** Why a record does not follow its predecessor, or `null` when it does. */
export function breakIn(previous: AuditRecord | null, record: AuditRecord): string | null {
  if (record.sequence !== (previous?.sequence ?? 0) + 1) return 'a record is missing before it';
  if (record.previousHash !== (previous?.hash ?? GENESIS_HASH)) return 'it does not follow its predecessor';
  if (record.hash !== hashOf(record, record.sequence, record.previousHash)) return 'its content was changed';
  return null;
}
