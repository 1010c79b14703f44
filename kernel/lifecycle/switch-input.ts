import semver from 'semver';
import type { CapabilityName, Scope } from '../../manifests/catalog/index.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';

/** What an upgrade or rollback was asked to do, as it is journaled: enough to undo it after a crash. */
export interface SwitchInput {
  readonly id: ExtensionId;
  readonly kind: 'upgrade' | 'rollback';
  readonly from: { readonly version: string; readonly digest: string };
  readonly version: string;
  readonly digest: string;
  /** Of what is new; the rest stays as it was granted. */
  readonly approve: readonly string[] | 'all';
  readonly principal: string;
  /** Roll back although a migration stays that cannot be reversed. */
  readonly force: boolean;
  readonly grantsBefore: readonly { readonly capability: CapabilityName; readonly scope: Scope | null }[];
}

/** By the versions, not by the name of the operation: a rollback of a rollback goes forward again. */
export function isForward({ version, from }: Pick<SwitchInput, 'version' | 'from'>): boolean {
  return semver.gt(version, from.version);
}
