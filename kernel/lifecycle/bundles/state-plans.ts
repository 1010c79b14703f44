import type { BundleManifest, ExtensionId } from '../../../manifests/manifest/manifest.ts';
import { MagError } from '../../errors.ts';
import type { ExtensionRecord } from '../../ports.ts';
import { dependentsOf, type Node, startOrderOfAll } from '../../registry/dependencies.ts';
import { type ExtensionMove, uninstallMove } from '../extension-moves.ts';
import { requireMove } from '../moves.ts';
import type { Parts } from '../parts.ts';
import { compositionOf } from './composition.ts';
import { memberIds, memberOrder } from './members.ts';
import { type BundlePlan, runs } from './steps.ts';

// What enabling, disabling and uninstalling a bundle does with its members: which state they are brought to.

/** Members, and what they need, that do not run yet. */
export async function planEnable(
  record: ExtensionRecord,
  manifest: BundleManifest,
  parts: Parts,
): Promise<BundlePlan> {
  const moves: ExtensionMove[] = [];
  for (const id of await memberOrder(manifest, parts)) {
    const before = await parts.registry.record(id);
    if (before.state === 'enabled') continue;
    if (before.state === 'quarantined')
      throw new MagError('E_STATE', `${id} is quarantined: look at it, and enable it by itself`);
    requireMove('enable', before);
    moves.push({ move: 'enable', before });
  }
  return stateChange(record, 'enabled', moves);
}

/**
 * Members that run; what another enabled bundle has goes on, with all that it needs.
 * @throws `E_DEPENDENTS` when an enabled extension that is no member needs one
 */
export async function planDisable(
  record: ExtensionRecord,
  manifest: BundleManifest,
  parts: Parts,
): Promise<BundlePlan> {
  const { registry } = parts;
  const nodes = await registry.nodes();
  const records = new Map((await registry.records()).map((row) => [row.id, row]));
  const members = memberIds(manifest);
  const staying = await sharedMembers(record, members, nodes, parts);
  const going = members.filter((id) => !staying.includes(id));
  const needing = going
    .flatMap((id) => dependentsOf(id, nodes.values()))
    .filter((id) => !members.includes(id) && records.get(id)?.state === 'enabled');
  if (needing.length > 0) {
    const names = [...new Set(needing)].join(', ');
    throw new MagError('E_DEPENDENTS', `${names} need a member of ${manifest.id}; disable them first`);
  }
  const moves = startOrderOfAll(nodes)
    .reverse()
    .filter((id) => going.includes(id))
    .flatMap((id): ExtensionMove[] => {
      const before = records.get(id);
      return before !== undefined && runs(before) ? [{ move: 'disable', before }] : [];
    });
  const note = staying.length === 0 ? '' : `go on, other bundles have them: ${staying.join(', ')}`;
  return { ...stateChange(record, 'disabled', moves), note };
}

/** The members that other enabled bundles have, and the members that these need. */
async function sharedMembers(
  record: ExtensionRecord,
  members: readonly ExtensionId[],
  nodes: ReadonlyMap<string, Node>,
  { registry }: Parts,
): Promise<ExtensionId[]> {
  const others = (await registry.bundles()).filter(
    (other) => other.record.id !== record.id && other.record.state === 'enabled',
  );
  const needed = new Set<string>();
  const need = (id: string) => {
    if (needed.has(id)) return;
    needed.add(id);
    for (const other of Object.keys(nodes.get(id)?.dependencies ?? {})) need(other);
  };
  for (const { manifest } of others) for (const id of memberIds(manifest)) need(id);
  return members.filter((id) => needed.has(id));
}

/** Members that came with a bundle and that nobody else needs. */
export async function planUninstall(
  record: ExtensionRecord,
  manifest: BundleManifest,
  purge: boolean,
  parts: Parts,
): Promise<BundlePlan> {
  const { registry } = parts;
  const nodes = await registry.nodes();
  const composition = compositionOf(record);
  const others = (await registry.bundles()).filter((other) => other.record.id !== record.id);
  const isShared = (id: ExtensionId) => others.some((other) => Object.hasOwn(other.manifest.extensions, id));
  const members = memberIds(manifest).filter((id) => nodes.has(id));
  let going = members.filter((id) => composition.get(id)?.brought === true && !isShared(id));
  for (let before = -1; before !== going.length; ) {
    before = going.length;
    const left = new Set(going);
    going = going.filter((id) => dependentsOf(id, nodes.values()).every((other) => left.has(other)));
  }
  const moves: ExtensionMove[] = [];
  for (const id of startOrderOfAll(nodes).reverse()) {
    if (!going.includes(id)) continue;
    const before = await registry.record(id);
    requireMove('uninstall', before);
    moves.push(uninstallMove(before, purge));
  }
  const staying = members.filter((id) => !going.includes(id));
  return {
    before: record,
    after: { ...record, state: 'uninstalled', config: {}, reason: null },
    moves,
    note: staying.length === 0 ? '' : `stay, others have or need them: ${staying.join(', ')}`,
  };
}

function stateChange(
  record: ExtensionRecord,
  state: ExtensionRecord['state'],
  moves: readonly ExtensionMove[],
): BundlePlan {
  return { before: record, after: { ...record, state, reason: null }, moves, note: '' };
}
