import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { InstallRequest, RollbackRequest, UpgradeRequest } from '../operator.ts';
import type { Operation } from '../ports.ts';
import type { InstallInput } from './install-steps.ts';
import type { SwitchInput } from './switch-input.ts';
import type { UninstallInput } from './uninstall-steps.ts';

/** What somebody asks to be done with an extension or a bundle. */
export type MoveRequest = { readonly id: ExtensionId } & (
  | ({ readonly kind: 'install' } & InstallRequest)
  | { readonly kind: 'enable' | 'disable' }
  | ({ readonly kind: 'upgrade' } & UpgradeRequest)
  | ({ readonly kind: 'rollback' } & RollbackRequest)
  | { readonly kind: 'uninstall'; readonly purge: boolean }
);

/** What an operation was asked for, as it is journaled with it. */
export function requestOf({ extension: id, kind, input }: Operation): MoveRequest {
  const asked = input as unknown as InstallInput & SwitchInput & UninstallInput;
  const { version, approve, config, force, purge } = asked;
  switch (kind) {
    case 'install':
      return { kind, id, version, approve, config };
    case 'upgrade':
      return { kind, id, version, approve };
    case 'rollback':
      return { kind, id, version, force };
    case 'uninstall':
      return { kind, id, purge };
    default:
      return { kind, id };
  }
}
