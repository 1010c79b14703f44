import { describe, expect, it } from 'vitest';
import { membershipOfCredential } from '../../../../host/components/magauth/memberships.ts';
import type { Credential } from '../../../../host/components/magauth/ports.ts';

const ada: NonNullable<Credential['principal']> = {
  id: '1',
  kind: 'user',
  name: 'Ada',
  tenantId: 't_home',
  roles: { t_acme: ['editor', 'staff'], t_system: ['operator'] },
};
const credential = (members: Partial<Credential>): Credential => ({
  kind: 'session',
  id: '1',
  name: 'Ada',
  role: null,
  tenantId: 't_acme',
  principal: ada,
  createdAt: new Date(0),
  expiresAt: null,
  readOnly: false,
  paths: null,
  ...members,
});
const rolesOf = async (members: Partial<Credential>, tenant: string) =>
  (await membershipOfCredential.membership(credential(members), tenant))?.roles ?? null;

describe('what a credential is in a tenant', () => {
  it('is all that its principal is, for a session', async () => {
    expect(await rolesOf({}, 't_acme')).toEqual(['editor', 'staff']);
    expect(await rolesOf({}, 't_system')).toEqual(['operator']);
    expect(await rolesOf({}, 't_home')).toEqual(['user']);
    for (const tenant of ['t_other', 'constructor', '__proto__'])
      expect(await rolesOf({}, tenant)).toBeNull();
  });

  it('is the one role of a token, in its tenant, for as long as its principal has it', async () => {
    const token = { kind: 'token', role: 'staff' } as const;
    expect(await rolesOf(token, 't_acme')).toEqual(['staff']);
    expect(await rolesOf({ ...token, role: 'user' }, 't_acme')).toEqual(['user']);
    expect(await rolesOf({ ...token, role: 'owner' }, 't_acme')).toBeNull();
    expect(await rolesOf({ ...token, role: 'operator' }, 't_system')).toBeNull();
  });

  it("is what a token says, where it is nobody else's", async () => {
    const token = { kind: 'token', role: 'owner', principal: null } as const;
    expect(await rolesOf(token, 't_acme')).toEqual(['owner']);
    expect(await rolesOf(token, 't_system')).toBeNull();
  });
});
