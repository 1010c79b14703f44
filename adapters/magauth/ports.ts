import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { HostCalls } from '../../manifests/protocol/calls.ts';
import type { AuditRecord } from '../../manifests/sdk/host-api.ts';

/** Which extension, and in which tenant: what it gives is known by it. */
export interface RoleGiver {
  readonly extension: ExtensionId;
  readonly tenantId: string;
}

type Filter = HostCalls['auth.queryAudit']['params'];

/** What the component behind the adapter does for extensions. Every method may throw `E_STORAGE`. */
export interface AuthOfExtensions {
  /** False: it gave the role before. @throws `E_ROLE`, `E_NOT_FOUND` */
  assignRole(by: RoleGiver, principal: string, role: string): Promise<boolean>;
  /** False: it had not given it. @throws `E_ROLE`, `E_NOT_FOUND` */
  removeRole(by: RoleGiver, principal: string, role: string): Promise<boolean>;
  roleHolders(
    tenantId: string,
    role: string,
    page: { readonly after: string; readonly limit: number },
  ): Promise<{ id: string; name: string }[]>;
  /** Of one tenant, newest first. */
  queryAudit(tenantId: string, filter: Filter): Promise<AuditRecord[]>;
  forget(extension: ExtensionId, options: { readonly purge: boolean }): Promise<void>;
}
