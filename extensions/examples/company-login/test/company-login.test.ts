import { describe, expect, it } from 'vitest';
import { createRecordingContext } from '#sdk/testing';
import extension from '../src/index.ts';

const { endpoints, hooks, providers } = extension;
const request = (members: object) => ({
  method: 'POST',
  path: '/',
  params: {},
  query: {},
  headers: {},
  body: null,
  ...members,
});
const asked = (members: object) => ({
  principal: { id: 'user:1', name: 'Ada', role: 'staff' },
  tenantId: 't_company',
  roles: ['staff'],
  wanted: 'permission:notices:read',
  extension: 'test/extension',
  route: 'GET /notices',
  ...members,
});

describe('the company login', () => {
  it('gives the roles of the groups it knows', async () => {
    const roles = async (groups: string | string[]) =>
      (await providers.company({ kind: 'oidc', subject: 'ada', claims: { groups } })).roles;
    expect(await roles(['employees', 'communications', 'owner'])).toEqual(['staff', 'editor']);
    expect(await roles('employees constructor')).toEqual(['staff']);
    expect(() => providers.company({ kind: 'sso', username: 'ada', credentials: null })).toThrow('account');
  });

  it('lets in who knows the PIN', async () => {
    const ctx = createRecordingContext({ secrets: { KIOSK_PIN: '1234' } });
    const login = (credentials: string) =>
      providers.kiosk({ kind: 'sso', username: 'hall', credentials }, ctx);
    expect(await login('1234')).toEqual({ subject: 'kiosk', name: 'Kiosk' });
    await expect(login('4321')).rejects.toMatchObject({ code: 'WRONG_PIN' });
  });

  it('keeps notices, and hands the role of an editor on', async () => {
    const ctx = createRecordingContext();
    expect((await endpoints['POST /notices'](request({ body: 'Lunch' }), ctx)).status).toBe(201);
    expect((await endpoints['POST /notices'](request({ body: 7 }), ctx)).status).toBe(400);
    expect((await endpoints['GET /notices'](request({}), ctx)).body).toEqual({ notices: ['Lunch'] });
    const give = () =>
      endpoints['POST /editors/:principal'](request({ params: { principal: 'user:1' } }), ctx);
    expect([(await give()).body, (await give()).body]).toEqual([{ assigned: true }, { assigned: false }]);
    const { body } = await endpoints['GET /editors'](request({}), ctx);
    expect(body).toEqual({ editors: [{ id: 'user:1', name: 'user:1' }], given: [] });
  });

  it('is closed for all but editors when it is told so', async () => {
    const guard = hooks['magauth.permission_resolver'];
    const closed = createRecordingContext({ config: { closed: true } });
    expect(() => guard(asked({}), closed)).toThrow('closed');
    guard(asked({ roles: ['editor'] }), closed);
    guard(asked({ extension: 'acme/other' }), closed);
    guard(asked({}), createRecordingContext());
  });

  it('notes who logs in', async () => {
    const ctx = createRecordingContext();
    const record = { sequence: 1, at: '', principal: 'user:1', tenant: 't_company', target: '', detail: {} };
    await hooks['magauth.audit_emitter']({ ...record, action: 'auth.login', outcome: 'ok' }, ctx);
    await hooks['magauth.audit_emitter']({ ...record, action: 'token.create', outcome: 'ok' }, ctx);
    expect(ctx.calls).toHaveLength(1);
  });
});
