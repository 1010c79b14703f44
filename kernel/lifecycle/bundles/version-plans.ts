import semver from 'semver';
import type { JsonObject } from '../../../manifests/json.ts';
import type { BundleManifest, ExtensionId } from '../../../manifests/manifest/manifest.ts';
import { MagError } from '../../errors.ts';
import type { InstallRequest, Principal, UpgradeRequest } from '../../operator.ts';
import type { ExtensionRecord, RecordContent } from '../../ports.ts';
import { startOrder } from '../../registry/dependencies.ts';
import { type ExtensionMove, installMove, switchMove } from '../extension-moves.ts';
import { isInstalled } from '../moves.ts';
import type { Parts } from '../parts.ts';
import { irreversibleBetween } from '../switch-migrations.ts';
import { highest, refuseIrreversible } from '../target-version.ts';
import { shareApproval } from './approval.ts';
import { type Composition, compositionOf, type Member, withComposition } from './composition.ts';
import { planLeavers } from './leavers.ts';
import { type Choice, memberIds, resolveMembers } from './members.ts';
import type { BundlePlan } from './steps.ts';

// What installing, upgrading and rolling back a bundle does with its members: which version they are brought to.

/** A bundle in the version it is to have. */
export interface Target {
  readonly manifest: BundleManifest;
  readonly digest: string;
}

/** Members that are not installed yet are; the others stay as they are. */
export async function planInstall(
  record: ExtensionRecord,
  { manifest, digest }: Target,
  request: InstallRequest,
  by: Principal,
  parts: Parts,
): Promise<BundlePlan> {
  const choices = await resolveMembers(manifest, parts, 'installed');
  const fresh = choices.filter(({ installed }) => installed === null);
  const approvals = shareApproval(
    manifest.id,
    fresh.map((choice) => choice.manifest),
    request.approve,
  );
  const configs = configsFor(fresh, request.config ?? {});
  const moves: ExtensionMove[] = [];
  for (const choice of fresh) {
    const config = configs.get(choice.id) ?? {};
    moves.push(await installMove(choice, approvals.get(choice.id) ?? [], config, by, parts));
  }
  const there = choices.filter(({ installed }) => installed !== null).map(({ id }) => id);
  return {
    ...(await newVersion(record, { manifest, digest }, choices, 'installed', parts)),
    moves,
    note: there.length === 0 ? '' : `installed already, left as they are: ${there.join(', ')}`,
  };
}

/** Each member to its newest version in range, new ones installed, and enabled when the bundle is. */
export async function planUpgrade(
  record: ExtensionRecord,
  { manifest, digest }: Target,
  { approve = [] }: UpgradeRequest,
  by: Principal,
  parts: Parts,
): Promise<BundlePlan> {
  const choices = await resolveMembers(manifest, parts, 'newest');
  const moved = choices.filter((choice) => choice.installed?.digest !== choice.digest);
  const approvals = shareApproval(
    manifest.id,
    moved.map((choice) => choice.manifest),
    approve,
  );
  const enabled = record.state === 'enabled';
  if (enabled) await requireRunning(moved, parts);
  const moves: ExtensionMove[] = [];
  for (const choice of moved) {
    const approved = approvals.get(choice.id) ?? [];
    if (choice.installed !== null) {
      const target = { ...choice, approve: approved, force: false };
      moves.push(await switchMove('upgrade', choice.installed, target, by, parts));
      continue;
    }
    const install = await installMove(choice, approved, {}, by, parts);
    moves.push(install, ...(enabled ? [enableInstalled(install)] : []));
  }
  const left = await planLeavers(record, memberIds(manifest), moves, parts);
  return {
    ...(await newVersion(record, { manifest, digest }, choices, record.state, parts)),
    moves: [...moves, ...left.moves],
    note: left.note,
  };
}

/** Each member to the version it had in a version of the bundle that is kept. */
export async function planRollback(
  record: ExtensionRecord,
  { manifest, digest }: Target,
  force: boolean,
  by: Principal,
  parts: Parts,
): Promise<BundlePlan> {
  const composition = compositionOf(record, manifest.version);
  const [moves, stuck]: [ExtensionMove[], string[]] = [[], []];
  for (const [id, member] of composition) {
    const now = await installedMember(manifest, id, parts);
    if (now.digest === member.digest) continue;
    await requireStored(id, member, parts);
    const kind = semver.lt(member.version, now.version) ? 'rollback' : 'upgrade';
    if (kind === 'rollback')
      for (const name of await irreversibleBetween(now.digest, member.digest, parts))
        stuck.push(`${id}: ${name}`);
    moves.push(await switchMove(kind, now, { ...member, approve: [], force }, by, parts));
  }
  refuseIrreversible(stuck, { force });
  const left = await planLeavers(record, [...composition.keys()], moves, parts);
  return {
    before: record,
    after: { ...(await versioned(record, { manifest, digest }, composition, parts)), state: record.state },
    moves: [...moves, ...left.moves],
    note: left.note,
  };
}

/** The move behind an install: its record is what that will have made it. */
function enableInstalled({ input, before }: ExtensionMove & { move: 'install' }): ExtensionMove {
  const { id, version, digest, config } = input;
  const highestVersion = highest(before.highestVersion, version);
  return {
    move: 'enable',
    before: { id, state: 'installed', version, digest, highestVersion, config, reason: null },
  };
}

/** What the new members need must run, or be one of them. @throws `E_DEPENDENCY` */
async function requireRunning(moved: readonly Choice[], { registry, stores }: Parts): Promise<void> {
  const nodes = await registry.nodes();
  for (const { id, manifest } of moved) nodes.set(id, manifest);
  const fresh = moved.filter(({ installed }) => installed === null).map(({ id }) => id);
  for (const id of fresh) {
    for (const needed of startOrder(id, nodes)) {
      if (fresh.includes(needed)) continue;
      const state = (await stores.extensions.get(needed))?.state ?? 'not installed';
      if (state !== 'enabled')
        throw new MagError('E_DEPENDENCY', `${id} needs ${needed}, which is ${state}: enable it first`);
    }
  }
}

/** A configuration for a bundle names its members: `{ "acme/notes": { … } }`. @throws `E_CONFIG_INVALID` */
function configsFor(fresh: readonly Choice[], config: JsonObject): Map<string, JsonObject> {
  return new Map(
    Object.entries(config).map(([id, value]) => {
      const isMember = fresh.some((choice) => choice.id === id);
      if (isMember && value !== null && typeof value === 'object' && !Array.isArray(value))
        return [id, value];
      throw new MagError(
        'E_CONFIG_INVALID',
        `/${id} is not the configuration of a member that is installed now`,
      );
    }),
  );
}

async function installedMember(
  bundle: BundleManifest,
  id: ExtensionId,
  { stores }: Parts,
): Promise<ExtensionRecord> {
  const record = await stores.extensions.get(id);
  if (record !== null && isInstalled(record)) return record;
  throw new MagError('E_DEPENDENCY', `missing: ${bundle.id} -> ${id} is not installed any more`);
}

async function requireStored(id: ExtensionId, { version, digest }: Member, { stores }: Parts): Promise<void> {
  if ((await stores.packages.find(id, version))?.digest === digest) return;
  throw new MagError('E_NOT_FOUND', `the package of ${id} ${version} is not kept any more`);
}

async function newVersion(
  record: ExtensionRecord,
  target: Target,
  choices: readonly Choice[],
  state: ExtensionRecord['state'],
  parts: Parts,
): Promise<Pick<BundlePlan, 'before' | 'after'>> {
  const brought = new Set<ExtensionId>();
  for (const { record: other } of await parts.registry.bundles())
    for (const [id, member] of compositionOf(other)) if (member.brought) brought.add(id);
  const members = new Map(
    choices.map(({ id, version, digest, installed }) => [
      id,
      { version, digest, brought: installed === null || brought.has(id) },
    ]),
  );
  const after = await versioned(record, target, members, parts);
  return { before: record, after: { ...after, state } };
}

async function versioned(
  record: ExtensionRecord,
  { manifest, digest }: Target,
  members: Composition,
  { stores }: Parts,
): Promise<RecordContent> {
  const { id, version } = manifest;
  const kept = (await stores.extensions.kept(id)).map((row) => row.version);
  return {
    ...record,
    version,
    digest,
    highestVersion: highest(record.highestVersion, version),
    config: withComposition(record.config, version, members, [...kept, record.version]),
    reason: null,
  };
}
