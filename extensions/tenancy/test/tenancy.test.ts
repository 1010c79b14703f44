import { describe, expect, it } from 'vitest';
import { createInvocation, createRecordingContext, createRequest } from '#sdk/testing';
import { readFields } from '../src/fields.ts';
import tenancy from '../src/index.ts';
import { rolesBy } from '../src/resolver.ts';
import { MEMBERSHIPS, TENANTS } from '../src/resources.ts';

const known = {
  tenant: 'active',
  member: null,
  roles: null,
  person: null,
  surface: true,
  app: true,
  project: true,
};
const request = (tenantId: string) => ({
  tenantId,
  env: 'prod',
  principal: { id: 'token:1', name: 'a', role: 'tenant-admin' },
  membership: { tenantId, roles: ['tenant-admin'] },
  mode: null,
  traceId: '0'.repeat(32),
});

describe('who is a member', () => {
  it.each([
    ['whom nobody knows there is what the host says', known, ['x'], ['x']],
    ['nor makes one of whom the host knows nothing', known, null, null],
    ['a member has the roles of the row', { ...known, member: 'active', roles: ['a'] }, null, ['a']],
    ['and not those of the host', { ...known, member: 'active', roles: [] }, ['x'], []],
    ['a suspended one is none', { ...known, member: 'suspended', roles: ['a'] }, ['x'], null],
    ['a removed one is none', { ...known, member: 'removed', roles: ['a'] }, ['x'], null],
    [
      'a suspended person is none',
      { ...known, member: 'active', roles: ['a'], person: 'suspended' },
      ['x'],
      null,
    ],
    ['a suspended tenant has none', { ...known, tenant: 'suspended' }, ['x'], null],
    ['an erased tenant has none', { ...known, tenant: 'erased' }, ['x'], null],
    ['nobody is at a surface that is not there', { ...known, surface: false }, ['x'], null],
    ['nor an app', { ...known, app: false }, ['x'], null],
    ['nor a project', { ...known, project: false }, ['x'], null],
  ])('%s', (_what, row, ofHost, roles) => {
    expect(rolesBy(row, ofHost, true)).toEqual(roles);
  });

  it('is what the host says in a tenant that was never made, unless that is refused', () => {
    expect(rolesBy(null, ['x'], false)).toEqual(['x']);
    expect(rolesBy(null, ['x'], true)).toBeNull();
  });

  it('is asked for in one statement, and leaves the mode to others', async () => {
    const ctx = createRecordingContext({
      config: { unknownTenants: 'allow' },
      query: () => ({ rows: [{ ...known, member: 'active', roles: ['a'] }] }),
    });
    const asked = {
      principal: { id: 'user:1', kind: 'user' as const },
      tenantId: 't_a',
      surfaceId: null,
      appId: 'crm',
      projectId: null,
      roles: null,
      mode: 'lab',
    };
    const resolve = tenancy.hooks['magauth.membership_resolver'];
    expect(await resolve(asked, ctx)).toEqual({ ...asked, roles: ['a'] });
    expect(ctx.calls.map(({ name }) => name)).toEqual(['db.query']);
    expect(ctx.calls[0]?.args[1]).toEqual(['t_a', 'user:1', null, 'crm', null]);
  });
});

describe('what clients send', () => {
  it.each([
    [TENANTS, null, 'A JSON object is needed.'],
    [TENANTS, [], 'A JSON object is needed.'],
    [TENANTS, { id: 't_a' }, 'name is missing.'],
    [TENANTS, { id: 'T_A', name: 'A' }, 'id does not match'],
    [TENANTS, { id: 't_a', name: 'A', version: 7 }, 'There is no "version".'],
    [TENANTS, { id: 't_a', name: 'A', constructor: 7 }, 'There is no "constructor".'],
    [TENANTS, { id: 't_a', name: 'A', settings: [] }, 'settings is no object'],
    [TENANTS, { id: 't_a', name: 'A', settings: { a: 'x'.repeat(20_000) } }, 'settings is longer'],
    [MEMBERSHIPS, { principal: 'ada', roles: [] }, 'principal does not match'],
    [MEMBERSHIPS, { principal: 'user:1', roles: ['operator'] }, 'roles has "operator"'],
    [MEMBERSHIPS, { principal: 'user:1', roles: [7] }, 'roles has 7'],
  ])('of %o: %j is refused', (resource, body, message) => {
    expect(() => readFields(body as never, resource.fields, true)).toThrow(message);
  });

  it('is about the tenant it acts in, before anything is read', async () => {
    const ctx = createRecordingContext({ request: request('t_a') });
    const list = tenancy.endpoints['GET /tenants/:tenant/memberships'];
    const answer = await list?.(createRequest({ params: { tenant: 't_b' } }), ctx);
    expect(answer).toMatchObject({ status: 403, body: { code: 'WRONG_TENANT' } });
    const command = await tenancy.commands.list?.(createInvocation('list', { args: { tenant: 't_b' } }), ctx);
    expect(command).toMatchObject({ exitCode: 1, data: { error: { code: 'WRONG_TENANT' } } });
    expect(ctx.calls).toEqual([]);
  });
});
