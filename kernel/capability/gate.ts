import type { CapabilityName } from '../../manifests/catalog/index.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';

/** What a call needs: a capability, and for each scope key the value it is about to touch. */
export interface Demand {
  readonly capability: CapabilityName;
  /** `{ tables: 'public.users', schemas: 'public' }`. Absent: no particular resource. */
  readonly resource?: Readonly<Record<string, string>>;
}

export type DenialCode = 'E_CAP_UNDECLARED' | 'E_CAP_REVOKED' | 'E_CAP_SCOPE';

export type Decision =
  | { readonly allow: true }
  | {
      readonly allow: false;
      readonly code: DenialCode;
      readonly capability: CapabilityName;
      readonly detail: string;
    };

export const ALLOW: Decision = { allow: true };
