import { describe, expect, it, vi } from 'vitest';
import type { Credential } from '../../../../host/components/magauth/ports.ts';
import { TappedMemberships } from '../../../../host/components/magauth/tapped-memberships.ts';
import { MagError } from '../../../../kernel/errors.ts';
import { LiveTransformPoint } from '../../../../kernel/hooks/transform-point.ts';
import { HOOKS } from '../../../../manifests/catalog/index.ts';
import type { JsonObject } from '../../../../manifests/json.ts';
import { tapOf } from '../../../kernel/hooks/tap-of.ts';
import { silentLogger } from '../../../support/silent-logger.ts';

const NAME = 'magauth.membership_resolver';
const PLACE = { traceId: '0'.repeat(32) };
const ada: NonNullable<Credential['principal']> = {
  id: '1',
  kind: 'user',
  name: 'Ada',
  tenantId: 't_home',
  roles: { t_acme: ['staff'], t_system: ['operator'] },
};
const session: Credential = {
  kind: 'session',
  id: 's1',
  name: 'Ada',
  role: null,
  tenantId: 't_acme',
  principal: ada,
  createdAt: new Date(0),
  expiresAt: null,
  readOnly: false,
  paths: null,
};

function tapped() {
  const hook = new LiveTransformPoint(NAME, HOOKS[NAME], silentLogger);
  let now = 0;
  const memberships = new TappedMemberships({ hook, logger: silentLogger, now: () => now });
  const answer = vi.fn(async (value: JsonObject): Promise<JsonObject> => value);
  hook.replace(
    'acme/tenants',
    tapOf('acme/tenants', (value) => answer(value as JsonObject)),
  );
  const ask = (tenant = 't_acme', caller = session, place = {}) =>
    memberships.membership(caller, tenant, { ...PLACE, ...place });
  return { hook, memberships, answer, ask, later: (ms: number) => (now += ms) };
}

describe('memberships that extensions speak about', () => {
  it('are those of the host while nobody taps them, without a turn of the event loop', () => {
    const { hook, ask } = tapped();
    hook.replace('acme/tenants', null);
    expect(ask()).toEqual({ tenantId: 't_acme', roles: ['staff'], mode: null });
    expect(ask('t_other')).toBeNull();
  });

  it('are what the taps make of what the host says', async () => {
    const { answer, ask } = tapped();
    answer.mockImplementation(async (value) => ({ ...value, roles: ['admin'], mode: 'lab' }));
    const place = { surfaceId: 'web', projectId: 'p1' };
    expect(await ask('t_acme', session, place)).toEqual({
      tenantId: 't_acme',
      roles: ['admin'],
      mode: 'lab',
    });
    expect(answer).toHaveBeenCalledWith({
      principal: { id: 'user:1', kind: 'user' },
      tenantId: 't_acme',
      surfaceId: 'web',
      appId: null,
      projectId: 'p1',
      roles: ['staff'],
      mode: null,
    });
    expect(await ask('t_new')).toMatchObject({ roles: ['admin'] });
    answer.mockImplementation(async (value) => ({ ...value, roles: null }));
    expect(await ask('t_acme')).toBeNull();
  });

  it('never change the control plane, nor where a token is good and what it carries', async () => {
    const { answer, ask } = tapped();
    answer.mockImplementation(async (value) => ({ ...value, roles: ['admin'] }));
    expect(ask('t_system')).toMatchObject({ roles: ['operator'] });
    const token: Credential = { ...session, kind: 'token', role: 'staff' };
    expect(ask('t_new', token)).toBeNull();
    expect(await ask('t_acme', token)).toBeNull(); // whose principal is no staff any more
    expect(await ask('t_acme', { ...token, role: 'user' })).toMatchObject({ roles: ['user'] });
    const nobodys: Credential = { ...token, principal: null };
    expect(await ask('t_acme', nobodys)).toMatchObject({ roles: ['admin'] });
  });

  it('are asked for once by many, kept by place, and forgotten after 30 s or a change', async () => {
    const { memberships, answer, ask, later, hook } = tapped();
    await Promise.all([ask(), ask(), ask()]);
    expect(answer).toHaveBeenCalledTimes(1);
    expect(ask()).not.toBeInstanceOf(Promise);
    await ask('t_acme', session, { appId: 'crm' });
    expect(answer).toHaveBeenCalledTimes(2);
    later(30_000);
    await ask();
    expect(answer).toHaveBeenCalledTimes(3);
    memberships.forget();
    await ask();
    expect(answer).toHaveBeenCalledTimes(4);
    hook.replace(
      'acme/modes',
      tapOf('acme/modes', async (value) => value),
    );
    await ask();
    expect(answer).toHaveBeenCalledTimes(5);
    await ask('t_acme', { ...session, principal: { ...ada, roles: { t_acme: ['boss'] } } });
    expect(answer).toHaveBeenCalledTimes(6); // what the host gave is part of the question
  });

  it('are not kept when something changed while they were asked for', async () => {
    const { memberships, answer, ask } = tapped();
    const { promise, resolve } = Promise.withResolvers<void>();
    answer.mockImplementationOnce(async (value) => {
      await promise;
      return { ...value, roles: ['before'] };
    });
    const asked = ask();
    memberships.forget();
    const after = ask();
    resolve();
    expect(await asked).toMatchObject({ roles: ['before'] });
    expect(await after).toMatchObject({ roles: ['staff'] });
    expect(ask()).toMatchObject({ roles: ['staff'] });
  });

  it.each([
    ['throws', async () => Promise.reject(new Error('broken'))],
    ['is late', async () => Promise.reject(new MagError('E_LIMIT_WALL', 'late'))],
    ['answers nonsense', async () => ({ roles: 'all' })],
    ['gives a role of the host', async (value: JsonObject) => ({ ...value, roles: ['owner'] })],
  ])('let nobody in when a tap %s, but to the control plane', async (_what, broken) => {
    const { answer, ask } = tapped();
    answer.mockImplementation(broken as (value: JsonObject) => Promise<JsonObject>);
    const failure = await Promise.resolve(ask()).catch((thrown: MagError) => thrown);
    expect(failure).toMatchObject({ code: 'E_MEMBERSHIP', status: 503 });
    expect(ask('t_system')).toMatchObject({ roles: ['operator'] });
    answer.mockImplementation(async (value) => value);
    expect(await ask()).toMatchObject({ roles: ['staff'] }); // a failure is not kept
  });

  it('hide from a tap what one before it made of who asks and where', async () => {
    const { hook, answer, ask } = tapped();
    answer.mockImplementation(async (value) => ({ ...value, tenantId: 't_other', mode: 'lab' }));
    const second = vi.fn(async (value) => value);
    hook.replace('acme/modes', tapOf('acme/modes', second, { order: 200 }));
    await ask();
    expect(second.mock.calls[0]?.[0]).toMatchObject({ tenantId: 't_acme', mode: 'lab' });
  });

  it('tell soon whoever holds connections, once for many changes', async () => {
    const { memberships } = tapped();
    const told = vi.fn();
    memberships.onForget(told);
    for (let n = 0; n < 5; n++) memberships.forget();
    await vi.waitFor(() => expect(told).toHaveBeenCalled(), 10_000);
    expect(told).toHaveBeenCalledTimes(1);
  });
});
