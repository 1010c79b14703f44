import { MagError } from '../errors.ts';
import type { ExtensionState, OperationKind } from '../ports.ts';

/** From which states each operation may start, and where it ends (spec 06). Anything else is E_STATE. */
const MOVES: Record<
  OperationKind,
  { readonly from: readonly ExtensionState[]; readonly to: ExtensionState }
> = {
  install: { from: ['staged', 'uninstalled'], to: 'installed' },
  enable: { from: ['installed', 'disabled', 'quarantined', 'failed'], to: 'enabled' },
  disable: { from: ['enabled', 'quarantined', 'failed'], to: 'disabled' },
  uninstall: { from: ['installed', 'disabled', 'quarantined', 'failed'], to: 'uninstalled' },
};

/**
 * The state an operation leads to.
 * @throws `E_STATE` when it may not start from the present one
 */
export function move(kind: OperationKind, from: ExtensionState): ExtensionState {
  const row = MOVES[kind];
  if (row.from.includes(from)) return row.to;
  throw new MagError(
    'E_STATE',
    `cannot ${kind} an extension that is ${from}; it must be ${row.from.join(' or ')}`,
  );
}
