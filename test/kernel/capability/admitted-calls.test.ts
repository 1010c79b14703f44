import { describe, expect, it } from 'vitest';
import { AdmittedCalls } from '../../../kernel/capability/admitted-calls.ts';
import { Gate } from '../../../kernel/capability/gate.ts';
import { manifestOf } from '../../support/manifest.ts';

const manifest = manifestOf({
  capabilities: [
    { name: 'database.read', reason: 'r' },
    { name: 'api.emit_events', reason: 'r' },
  ],
});
const READ = { capability: 'database.read', scope: null } as const;
const EMIT = { capability: 'api.emit_events', scope: null } as const;
const users = {
  capability: 'database.read',
  resource: { tables: 'public.users', schemas: 'public' },
} as const;

describe('calls under way', () => {
  it('end when what they were allowed on is revoked, and only then', async () => {
    const gate = new Gate();
    gate.hold(manifest, [READ, EMIT]);
    const calls = new AdmittedCalls(gate);
    const reading = calls.open(manifest.id);
    const emitting = calls.open(manifest.id);
    reading.add([users]);
    emitting.add([{ capability: 'api.emit_events' }]);

    gate.hold(manifest, [READ, EMIT]);
    expect([reading.signal.aborted, emitting.signal.aborted]).toEqual([false, false]);
    gate.hold(manifest, [EMIT]);
    expect([reading.signal.aborted, emitting.signal.aborted]).toEqual([true, false]);
    await expect(reading.revoked).rejects.toMatchObject({ code: 'E_CAP_REVOKED' });
    gate.release('acme/other');
    expect(emitting.signal.aborted).toBe(false);
    gate.release(manifest.id);
    await expect(emitting.revoked).rejects.toMatchObject({ code: 'E_CAP_REVOKED' });
  });

  it('end when the scope shrinks below them', () => {
    const gate = new Gate();
    gate.hold(manifest, [READ]);
    const calls = new AdmittedCalls(gate);
    const call = calls.open(manifest.id);
    call.add([users]);
    gate.hold(manifest, [{ ...READ, scope: { tables: ['public.users'] } }]);
    expect(call.signal.aborted).toBe(false);
    gate.hold(manifest, [{ ...READ, scope: { tables: ['public.other'] } }]);
    expect(call.signal.aborted).toBe(true);
  });

  it('are forgotten when they are over', () => {
    const gate = new Gate();
    gate.hold(manifest, [READ]);
    const calls = new AdmittedCalls(gate);
    const call = calls.open(manifest.id);
    call.add([users]);
    call.close();
    gate.release(manifest.id);
    expect(call.signal.aborted).toBe(false);
  });

  it('tell who listens of it once, and a signal that is made later too', () => {
    const gate = new Gate();
    gate.hold(manifest, [READ]);
    const call = new AdmittedCalls(gate).open(manifest.id, [users]);
    const told: string[] = [];
    const listeners = ['first', 'second', 'gone'].map((name) => () => void told.push(name));
    for (const listener of listeners) call.addEventListener('abort', listener);
    for (const listener of listeners.slice(2)) call.removeEventListener('abort', listener);
    expect([call.aborted, call.reason]).toEqual([false, null]);

    gate.release(manifest.id);
    gate.release(manifest.id);
    expect(told).toEqual(['first', 'second']);
    expect(call.aborted).toBe(true);
    expect(call.reason).toMatchObject({ code: 'E_CAP_REVOKED' });
    expect(call.signal.reason).toBe(call.reason);
  });
});
