import { beforeEach, describe, expect, it } from 'vitest';
import { Denials } from '../../../kernel/capability/denials.ts';
import type { Denial } from '../../../kernel/capability/gate.ts';
import type { AuditEntry } from '../../../kernel/ports.ts';

const revoked: Denial = {
  allow: false,
  code: 'E_CAP_REVOKED',
  capability: 'database.read',
  detail: 'not granted',
};
const outside: Denial = {
  allow: false,
  code: 'E_CAP_SCOPE',
  capability: 'database.read',
  detail: 'not covered',
};

const HELLO = { extension: 'acme/hello', chain: [] } as const;

describe('Denials', () => {
  let now = 0;
  let records: Omit<AuditEntry, 'at'>[];
  let denials: Denials;

  beforeEach(() => {
    now = 1_000_000;
    records = [];
    const audit = {
      record: async (entry: Omit<AuditEntry, 'at'>) => void records.push(entry),
      verify: async () => ({ ok: true, records: records.length }) as const,
    };
    denials = new Denials(audit, { now: () => new Date(now) });
  });

  it('counts all of them by their codes, until the extension is uninstalled', () => {
    for (const code of ['E_CAP_SCOPE', 'E_CAP_UNDECLARED', 'E_CAP_SCOPE'] as const)
      denials.count('acme/hello', code);
    denials.count('acme/other', 'E_CAP_REVOKED');
    expect(denials.counts()).toEqual([
      { extension: 'acme/hello', code: 'E_CAP_SCOPE', count: 2 },
      { extension: 'acme/hello', code: 'E_CAP_UNDECLARED', count: 1 },
      { extension: 'acme/other', code: 'E_CAP_REVOKED', count: 1 },
    ]);
    denials.forget('acme/hello');
    expect(denials.counts()).toEqual([{ extension: 'acme/other', code: 'E_CAP_REVOKED', count: 1 }]);
  });

  const counts = () => records.map(({ detail }) => detail.count);

  it('records the first at once and counts repeats', async () => {
    for (let i = 0; i < 4; i += 1) await denials.record(HELLO, revoked, 'db.query');
    expect(counts()).toEqual([1]);
    await denials.flush({ all: true });
    expect(counts()).toEqual([1, 3]);
  });

  it('drops no count when a window ends', async () => {
    await denials.record(HELLO, revoked, 'db.query');
    await denials.record(HELLO, revoked, 'db.query');
    now += 61_000;
    await denials.record(HELLO, revoked, 'db.query');
    expect(counts()).toEqual([1, 1, 1]);
  });

  it('writes only finished windows unless asked for all', async () => {
    await denials.record(HELLO, revoked, 'db.query');
    await denials.record(HELLO, revoked, 'db.query');
    await denials.flush({ all: false });
    expect(counts()).toEqual([1]);
  });

  it('quarantines at the fifth try outside the scope in a minute', async () => {
    const verdicts: boolean[] = [];
    for (let i = 0; i < 5; i += 1)
      verdicts.push((await denials.record(HELLO, outside, 'db.query')).quarantine);
    expect(verdicts).toEqual([false, false, false, false, true]);
  });

  it('forgives tries that lie apart', async () => {
    for (let i = 0; i < 12; i += 1) {
      expect((await denials.record(HELLO, outside, 'db.query')).quarantine).toBe(false);
      now += 20_000;
    }
  });

  it('begins anew with an extension that is installed anew', async () => {
    for (let i = 0; i < 4; i += 1) await denials.record(HELLO, outside, 'db.query');
    denials.forget('acme/hello');
    expect((await denials.record(HELLO, outside, 'db.query')).quarantine).toBe(false);
  });

  it('never quarantines for what was revoked', async () => {
    for (let i = 0; i < 20; i += 1) {
      expect((await denials.record(HELLO, revoked, 'db.query')).quarantine).toBe(false);
    }
  });
});
