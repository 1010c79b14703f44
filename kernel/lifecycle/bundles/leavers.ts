import semver from 'semver';
import type { ExtensionId } from '../../../manifests/manifest/manifest.ts';
import type { ExtensionRecord } from '../../ports.ts';
import { type Node, startOrderOfAll } from '../../registry/dependencies.ts';
import { type ExtensionMove, peersOf } from '../extension-moves.ts';
import type { Parts } from '../parts.ts';
import { memberIds } from './members.ts';

/** Who is no member of the next version stays as it is, or is disabled when what it needs is not there any more. */
export async function planLeavers(
  record: ExtensionRecord,
  members: readonly ExtensionId[],
  moves: readonly ExtensionMove[],
  parts: Parts,
): Promise<{ moves: ExtensionMove[]; note: string }> {
  const { registry, stores } = parts;
  const nodes = new Map<string, Node>([...(await registry.nodes()), ...(await peersOf(moves, parts))]);
  const leavers = (await oldMembers(record, parts)).filter((id) => !members.includes(id) && nodes.has(id));
  const broken: ExtensionId[] = [];
  for (const id of startOrderOfAll(nodes)) {
    const needs = Object.entries(nodes.get(id)?.dependencies ?? {});
    const lacks = needs.some(
      ([needed, range]) =>
        broken.some((other) => other === needed) ||
        !semver.satisfies(nodes.get(needed)?.version ?? '0.0.0-missing', range),
    );
    if (lacks && leavers.includes(id)) broken.push(id);
  }
  const disabled: ExtensionMove[] = [];
  for (const id of broken.reverse()) {
    const before = await stores.extensions.get(id);
    if (before !== null) disabled.push({ move: 'disable', before });
  }
  const staying = leavers.filter((id) => !broken.includes(id));
  const notes = [
    ...(staying.length === 0 ? [] : [`no longer members, left as they are: ${staying.join(', ')}`]),
    ...(broken.length === 0 ? [] : [`no longer members, and cannot work with them: ${broken.join(', ')}`]),
  ];
  return { moves: disabled, note: notes.join('; ') };
}

async function oldMembers({ digest }: ExtensionRecord, { registry }: Parts): Promise<ExtensionId[]> {
  const manifest = await registry.describe(digest);
  return manifest.kind === 'bundle' ? memberIds(manifest) : [];
}
