import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { MagError } from '../errors.ts';
import type { ExtensionRecord, ExtensionState, OperationKind } from '../ports.ts';
import type { Registry } from '../registry/registry.ts';

/** Where an operation may start and where it ends; without `to` the state stays what it is. */
interface Move {
  readonly from: readonly ExtensionState[];
  readonly to?: ExtensionState;
}

/** The legal moves (spec 06). Anything else is E_STATE. */
const MOVES: Record<OperationKind, Move> = {
  install: { from: ['staged', 'uninstalled'], to: 'installed' },
  enable: { from: ['installed', 'disabled', 'quarantined', 'failed'], to: 'enabled' },
  disable: { from: ['enabled', 'quarantined', 'failed'], to: 'disabled' },
  upgrade: { from: ['enabled', 'installed', 'disabled'] },
  rollback: { from: ['enabled', 'installed', 'disabled'] },
  uninstall: { from: ['installed', 'disabled', 'quarantined', 'failed'], to: 'uninstalled' },
};

/**
 * The state an operation leads to.
 * @throws `E_STATE` when it may not start from the present one
 */
export function move(kind: OperationKind, from: ExtensionState): ExtensionState {
  const row = MOVES[kind];
  if (row.from.includes(from)) return row.to ?? from;
  throw new MagError(
    'E_STATE',
    `cannot ${kind} an extension that is ${from}; it must be ${row.from.join(' or ')}`,
  );
}

/** The record of what an operation may start on. @throws `E_NOT_FOUND`, `E_STATE` */
export async function movable(
  kind: OperationKind,
  id: ExtensionId,
  registry: Pick<Registry, 'record'>,
): Promise<ExtensionRecord> {
  const record = await registry.record(id);
  move(kind, record.state);
  return record;
}
