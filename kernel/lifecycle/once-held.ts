import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { MagError } from '../errors.ts';
import type { OperationKind, RecordContent, Stores } from '../ports.ts';
import { dependentsOf } from '../registry/dependencies.ts';
import { move } from './moves.ts';
import type { Parts } from './parts.ts';

/*
 * What is asked again when an operation holds its extension: between the first look and the hold another operation may
 * have come and gone, here or on another host.
 */

/** Operations that take what an extension is now as their beginning, whichever version that is. */
const ANY_VERSION: ReadonlySet<OperationKind> = new Set(['install', 'disable']);

/** @throws `E_STATE` when the extension is no longer what the operation was begun for */
export async function requireUnmoved(
  kind: OperationKind,
  { id, digest }: RecordContent,
  { extensions }: Pick<Stores, 'extensions'>,
): Promise<void> {
  const now = await extensions.get(id);
  if (now === null) throw new MagError('E_STATE', `${id} was removed meanwhile`);
  move(kind, now.state);
  if (now.digest === digest || ANY_VERSION.has(kind)) return;
  throw new MagError('E_STATE', `${id} was moved to version ${now.version} meanwhile`);
}

/**
 * That what an extension needs runs, and is not about to stop. The counterpart of `refuseNeeded`: each is asked with
 * its own extension held, so of an enable and a disable that exclude each other at least one sees the other.
 * @throws `E_DEPENDENCY`
 */
export async function requireNeeded(
  id: ExtensionId,
  parts: Pick<Parts, 'registry' | 'stores'>,
): Promise<void> {
  const nodes = await parts.registry.nodes();
  const stopping = await heldFor('disable', parts.stores);
  const enabled = await enabledOnes(parts);
  const missing = Object.keys(nodes.get(id)?.dependencies ?? {}).filter(
    (needed) => stopping.has(needed) || !enabled.has(needed),
  );
  if (missing.length > 0)
    throw new MagError('E_DEPENDENCY', `${id} needs ${missing.join(', ')}, which was disabled meanwhile`);
}

/** @throws `E_DEPENDENTS` when somebody who needs the extension runs, or is about to */
export async function refuseNeeded(
  id: ExtensionId,
  parts: Pick<Parts, 'registry' | 'stores'>,
): Promise<void> {
  const starting = await heldFor('enable', parts.stores);
  const enabled = await enabledOnes(parts);
  const needing = dependentsOf(id, (await parts.registry.nodes()).values()).filter(
    (other) => starting.has(other) || enabled.has(other),
  );
  if (needing.length > 0)
    throw new MagError('E_DEPENDENTS', `${needing.join(', ')} need ${id}; disable them first`);
}

async function enabledOnes({ registry }: Pick<Parts, 'registry'>): Promise<ReadonlySet<string>> {
  return new Set((await registry.records()).filter(({ state }) => state === 'enabled').map(({ id }) => id));
}

async function heldFor(
  kind: OperationKind,
  { operations }: Pick<Stores, 'operations'>,
): Promise<ReadonlySet<string>> {
  const holders = await operations.holders();
  return new Set(holders.filter((held) => held.kind === kind).map(({ extension }) => extension));
}
