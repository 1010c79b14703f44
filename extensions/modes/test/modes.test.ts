import { describe, expect, it } from 'vitest';
import { createEvent, createRecordingContext, createRequest } from '#sdk/testing';
import modes from '../src/index.ts';
import { readMode } from '../src/modes.ts';

const asked = {
  principal: { id: 'user:1', kind: 'user' as const },
  tenantId: 't_a',
  surfaceId: 'web',
  appId: null,
  projectId: null,
  roles: ['x'],
  mode: null,
};
const resolve = modes.hooks['magauth.membership_resolver'];

describe('modes', () => {
  it('puts what is attached into the context, and leaves the roles alone', async () => {
    const ctx = createRecordingContext({ query: () => ({ rows: [{ mode: 'lab' }] }) });
    expect(await resolve(asked, ctx)).toEqual({ ...asked, mode: 'lab' });
    expect(ctx.calls[0]?.args[1]).toEqual(['t_a', 'web']);
  });

  it('says nothing where nothing is attached, and asks nothing for who is no member', async () => {
    const ctx = createRecordingContext();
    expect(await resolve(asked, ctx)).toEqual(asked);
    const calls = ctx.calls.length;
    expect(await resolve({ ...asked, roles: null }, ctx)).toEqual({ ...asked, roles: null });
    expect(ctx.calls.length).toBe(calls);
  });

  it('forgets a tenant that was erased, and tells of it', async () => {
    const ctx = createRecordingContext({
      query: () => ({ rows: [{ tenant: 't_a', surface: '', mode: 'lab' }] }),
    });
    const event = createEvent('magflock.tenancy.tenant_erased', { tenant: 't_a' });
    await modes.events['magflock.tenancy.tenant_erased'](event, ctx);
    expect(ctx.calls.map(({ name, args }) => [name, args[1]])).toEqual([
      ['db.query', ['t_a']],
      ['events.publish', { tenant: 't_a', surface: null, mode: null }],
    ]);
  });

  it('is current only where the request is in one', async () => {
    const ctx = createRecordingContext();
    expect(await modes.endpoints['GET /current']?.(createRequest(), ctx)).toEqual({ body: { mode: null } });
    expect(ctx.calls).toEqual([]);
  });

  it.each([
    [null, 'A JSON object'],
    [{ id: 'X' }, 'id does not match'],
    [{ name: ' ' }, 'name is no text'],
    [{ entitlements: [] }, 'entitlements is no object'],
    [{ entitlements: { a: 'x'.repeat(20_000) } }, 'entitlements is no object'],
    [{ version: 1 }, 'There is no "version"'],
  ])('refuses %j', (body, message) => {
    expect(() => readMode(body as never)).toThrow(message);
  });
});
