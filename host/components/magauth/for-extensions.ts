import type { AuthOfExtensions, RoleGiver } from '../../../adapters/magauth/index.ts';
import { MagError } from '../../../kernel/errors.ts';
import type { Audit } from '../../../kernel/operator.ts';
import type { AuditStore } from '../../../kernel/ports.ts';
import { isHostRole } from '../../../manifests/catalog/index.ts';
import type { PrincipalStore } from './ports.ts';

const DEFAULT_RECORDS = 50;
const PRINCIPAL = /^(user|service):([0-9a-f]{16})$/;

export interface ForExtensionsParts {
  readonly principals: PrincipalStore;
  readonly audit: Audit;
  readonly records: Pick<AuditStore, 'latest'>;
  /** Credentials are read anew: what their principals may has changed. */
  readonly changed: () => void;
}

/** What extensions may do with roles and the audit log: in one tenant, and never with roles of the host. */
export function createForExtensions({
  principals,
  audit,
  records,
  changed,
}: ForExtensionsParts): AuthOfExtensions {
  async function member(tenantId: string, principal: string): Promise<string> {
    const [, kind, id = ''] = PRINCIPAL.exec(principal) ?? [];
    const known = id === '' ? null : await principals.get(id);
    const isMember =
      known?.kind === kind &&
      (known?.tenantId === tenantId ||
        (await principals.assignments(id)).some((assignment) => assignment.tenantId === tenantId));
    if (!isMember) throw new MagError('E_NOT_FOUND', 'The tenant has no such user.');
    return id;
  }

  async function put(by: RoleGiver, principal: string, role: string, isGiven: boolean): Promise<boolean> {
    if (isHostRole(role)) throw new MagError('E_ROLE', `${role} is a role of the host.`);
    const { extension, tenantId } = by;
    const id = await member(tenantId, principal);
    const source = `extension:${extension}`;
    const assignment = { tenantId, role, source, assignedBy: source };
    const isDone = isGiven
      ? await principals.assign(id, assignment)
      : await principals.unassign(id, assignment);
    if (!isDone) return false;
    changed();
    const action = isGiven ? 'role.assign' : 'role.unassign';
    const detail = { role, tenant: tenantId };
    await audit.record({
      principal: source,
      tenant: tenantId,
      action,
      target: principal,
      outcome: 'ok',
      detail,
    });
    return true;
  }

  return {
    assignRole: (by, principal, role) => put(by, principal, role, true),
    removeRole: (by, principal, role) => put(by, principal, role, false),
    async roleHolders(tenantId, role, page) {
      const after = PRINCIPAL.exec(page.after)?.[2] ?? '';
      const holders = await principals.holders(tenantId, role, { ...page, after });
      return holders.map(({ id, kind, name }) => ({ id: `${kind}:${id}`, name }));
    },
    async queryAudit(tenantId, { limit = DEFAULT_RECORDS, ...filter }) {
      const found = await records.latest({ ...filter, limit, tenant: tenantId });
      return found.map(({ previousHash: _, hash: __, at, ...record }) => ({
        ...record,
        at: at.toISOString(),
      }));
    },
    async forget(extension, options) {
      await principals.forget(extension, options);
      changed();
    },
  };
}
