import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { MagError } from '../errors.ts';
import type { ExtensionRecord, ExtensionState, OperationKind, Stores } from '../ports.ts';
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

/** Whether a version of it holds. */
export function isInstalled({ state }: Pick<ExtensionRecord, 'state'>): boolean {
  return state !== 'staged' && state !== 'uninstalled';
}

/** Whether the operation takes away: it is completed once it has begun. One that adds is undone instead. */
export function isTakingAway(kind: OperationKind): boolean {
  return kind === 'disable' || kind === 'uninstall';
}

/** @throws `E_STATE` that names the extension, which is not the one that was asked for */
export function requireMove(kind: OperationKind, { id, state }: ExtensionRecord): void {
  try {
    move(kind, state);
  } catch (cause) {
    throw new MagError('E_STATE', `${id} is ${state}: it cannot take part in this ${kind}`, { cause });
  }
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

/** @throws `E_NOT_FOUND` */
export async function setState(
  { stores: { extensions } }: { readonly stores: Pick<Stores, 'extensions'> },
  id: ExtensionId,
  state: ExtensionState,
  reason: ExtensionRecord['reason'] = null,
): Promise<void> {
  const record = await extensions.get(id);
  if (record === null) throw new MagError('E_NOT_FOUND', `${id} is not known here`);
  await extensions.put({ ...record, state, reason });
}
