import { beforeEach, describe, expect, it } from 'vitest';
import { type Decision, Gate } from '../../../kernel/capability/gate.ts';
import { manifestOf } from '../../support/manifest.ts';

const manifest = manifestOf({
  capabilities: [
    { name: 'database.read', reason: 'reads', scope: { tables: ['public.users', 'public.orders'] } },
    { name: 'database.write', reason: 'writes' },
  ],
});
const id = manifest.id;

function codeOf(decision: Decision): string {
  return decision.allow ? 'allow' : decision.code;
}

describe('Gate', () => {
  let gate: Gate;
  beforeEach(() => {
    gate = new Gate();
  });

  it('knows nobody it was not told of', () => {
    expect(codeOf(gate.decide(id, [{ capability: 'database.read' }]))).toBe('E_CAP_UNDECLARED');
  });

  it('tells undeclared, not granted and out of scope apart', () => {
    gate.hold(manifest, [{ capability: 'database.read', scope: { tables: ['public.users'] } }]);
    expect(codeOf(gate.decide(id, [{ capability: 'api.emit_events' }]))).toBe('E_CAP_UNDECLARED');
    expect(codeOf(gate.decide(id, [{ capability: 'database.write' }]))).toBe('E_CAP_REVOKED');
    expect(codeOf(gate.decide(id, [read('public.users')]))).toBe('allow');
    expect(codeOf(gate.decide(id, [read('public.orders')]))).toBe('E_CAP_SCOPE');
  });

  it('tells of the first allow of each capability, and again once it was granted anew', () => {
    const told: unknown[] = [];
    gate.onFirstUse((...first) => told.push(first));
    const use = () => gate.decide(id, [read('public.users')]);
    const grants = [{ capability: 'database.read', scope: null }] as const;
    gate.hold(manifest, []);
    use();
    expect(told).toEqual([]);
    gate.hold(manifest, grants);
    gate.decide(id, [read('public.secrets')]);
    expect(told).toEqual([]);
    use();
    use();
    gate.takeUses();
    gate.hold(manifest, grants); // another grant changed
    use();
    expect(told).toEqual([[id, 'database.read']]);
    gate.hold(manifest, []);
    gate.hold(manifest, grants);
    use();
    expect(told).toHaveLength(2);
  });

  it('holds an extension to its own declaration, however much is granted', () => {
    gate.hold(manifest, [{ capability: 'database.read', scope: null }]);
    expect(codeOf(gate.decide(id, [read('public.orders')]))).toBe('allow');
    expect(codeOf(gate.decide(id, [read('public.secrets')]))).toBe('E_CAP_SCOPE');
  });

  it('ignores a grant for what is not declared', () => {
    gate.hold(manifest, [{ capability: 'api.emit_events', scope: null }]);
    expect(codeOf(gate.decide(id, [{ capability: 'api.emit_events' }]))).toBe('E_CAP_UNDECLARED');
  });

  it('puts undeclared before every other refusal', () => {
    gate.hold(manifest, []);
    expect(
      codeOf(gate.decide(id, [{ capability: 'database.write' }, { capability: 'api.emit_events' }])),
    ).toBe('E_CAP_UNDECLARED');
  });

  it('keeps what both versions declare when grants change while they run side by side', () => {
    const next = manifestOf({ capabilities: [{ name: 'api.emit_events', reason: 'tells' }] });
    gate.hold(next, [{ capability: 'database.write', scope: null }], manifest);
    gate.regrant(id, [{ capability: 'api.emit_events', scope: null }]);
    expect(codeOf(gate.decide(id, [{ capability: 'api.emit_events' }]))).toBe('allow');
    expect(codeOf(gate.decide(id, [{ capability: 'database.write' }]))).toBe('E_CAP_REVOKED');
    gate.hold(next, []);
    expect(codeOf(gate.decide(id, [{ capability: 'database.write' }]))).toBe('E_CAP_UNDECLARED');
  });

  it('grants nothing to who was released', () => {
    gate.hold(manifest, []);
    gate.release(id);
    gate.regrant(id, [{ capability: 'database.write', scope: null }]);
    expect(codeOf(gate.decide(id, [{ capability: 'database.write' }]))).toBe('E_CAP_UNDECLARED');
  });

  it('takes a revocation and a restored grant at once', () => {
    gate.hold(manifest, [{ capability: 'database.write', scope: null }]);
    expect(gate.covers(id, { capability: 'database.write' })).toBe(true);
    gate.hold(manifest, []);
    expect(gate.covers(id, { capability: 'database.write' })).toBe(false);
    gate.hold(manifest, [{ capability: 'database.write', scope: null }]);
    expect(gate.covers(id, { capability: 'database.write' })).toBe(true);
  });

  it('counts allowed uses, not refusals or questions', () => {
    gate.hold(manifest, [{ capability: 'database.write', scope: null }]);
    gate.decide(id, [{ capability: 'database.write' }]);
    gate.decide(id, [{ capability: 'database.write' }]);
    gate.decide(id, [{ capability: 'database.read' }]);
    gate.covers(id, { capability: 'database.write' });
    expect(gate.takeUses().map(({ capability, count }) => [capability, count])).toEqual([
      ['database.write', 2],
    ]);
    expect(gate.takeUses()).toEqual([]);
  });

  it('keeps extensions apart', () => {
    const other = manifestOf({ id: 'acme/other' });
    gate.hold(manifest, [{ capability: 'database.write', scope: null }]);
    gate.hold(other, []);
    expect(codeOf(gate.decide(other.id, [{ capability: 'database.write' }]))).toBe('E_CAP_UNDECLARED');
    gate.release(id);
    expect(codeOf(gate.decide(id, [{ capability: 'database.write' }]))).toBe('E_CAP_UNDECLARED');
  });

  it('is not fooled by names of the prototype', () => {
    gate.hold(manifest, []);
    const forged = { capability: 'constructor' as 'database.read' };
    expect(codeOf(gate.decide(id, [forged]))).toBe('E_CAP_UNDECLARED');
  });
});

function read(table: string) {
  return { capability: 'database.read', resource: { tables: table, schemas: 'public' } } as const;
}
