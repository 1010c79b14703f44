import semver from 'semver';
import type { JsonObject } from '../../manifests/json.ts';
import type { BundleManifest, ExtensionId } from '../../manifests/manifest/manifest.ts';
import { codeOf, MagError, messageOf, toMagError } from '../errors.ts';
import type { InstallRequest, Principal, RollbackRequest, UpgradeRequest } from '../operator.ts';
import type { ExtensionRecord, OperationKind } from '../ports.ts';
import { alertOf } from './announce.ts';
import { memberIds } from './bundle-members.ts';
import { planDisable, planEnable, planUninstall } from './bundle-state-plans.ts';
import { type BundleInput, bundleSteps, holdsOf } from './bundle-steps.ts';
import { planInstall, planRollback, planUpgrade, type Target } from './bundle-version-plans.ts';
import { type MemberMove, peersOf } from './member-moves.ts';
import { movable } from './moves.ts';
import type { Operations } from './operations.ts';
import type { Parts } from './parts.ts';
import { recordEnd } from './record-end.ts';
import { runSteps } from './steps.ts';
import {
  keptVersion,
  refuseRollback,
  refuseSame,
  requireHostVersion,
  stagedVersion,
} from './target-version.ts';

/**
 * Moves bundles (spec 02): every move is one operation that holds the bundle and its members, and whose steps
 * are theirs, so all of it happens or nothing. A bundle has a record and no code: its state is what was done to
 * it as a whole.
 */
export class Bundles {
  readonly #parts: Parts;
  readonly #operations: Operations;

  constructor(parts: Parts, operations: Operations) {
    this.#parts = parts;
    this.#operations = operations;
  }

  /** Whether the id is one of a bundle. */
  async knows(id: ExtensionId): Promise<boolean> {
    const record = await this.#parts.stores.extensions.get(id);
    if (record === null || record.state === 'uninstalled') return false;
    try {
      return (await this.#parts.registry.describe(record.digest)).kind === 'bundle';
    } catch (failure) {
      if (codeOf(failure) === 'E_NOT_FOUND') return false; // its package is gone
      throw failure;
    }
  }

  /** The installed bundles that an extension is a member of. */
  async withMember(id: ExtensionId): Promise<ExtensionId[]> {
    const bundles = await this.#parts.registry.bundles();
    return bundles
      .filter(({ manifest }) => Object.hasOwn(manifest.extensions, id))
      .map(({ manifest }) => manifest.id);
  }

  /** @throws `E_DEPENDENTS` when a bundle cannot have its member in this version */
  async requireAgreement(id: ExtensionId, version: string): Promise<void> {
    const against = (await this.#parts.registry.bundles()).flatMap(({ manifest }) => {
      const range = manifest.extensions[id];
      const agrees = range === undefined || semver.satisfies(version, range);
      return agrees ? [] : [`${manifest.id} needs ${id} ${range}`];
    });
    if (against.length > 0) throw new MagError('E_DEPENDENTS', `${against.join(', ')}: not ${version}`);
  }

  async install(id: ExtensionId, request: InstallRequest, by: Principal): Promise<string> {
    const record = await movable('install', id, this.#parts.registry);
    const target = await this.#staged(record, request.version);
    const plan = await planInstall(record, target, request, by, this.#parts);
    const { approve, config = {} } = request;
    return this.#start('install', target, { approve, config, plan }, by);
  }

  enable(id: ExtensionId, by: Principal): Promise<string> {
    return this.#change('enable', id, by, planEnable);
  }

  disable(id: ExtensionId, by: Principal): Promise<string> {
    return this.#change('disable', id, by, planDisable);
  }

  uninstall(id: ExtensionId, { purge }: { purge: boolean }, by: Principal): Promise<string> {
    return this.#change('uninstall', id, by, (...what) => planUninstall(purge, ...what), { purge });
  }

  async upgrade(id: ExtensionId, request: UpgradeRequest, by: Principal): Promise<string> {
    const record = await movable('upgrade', id, this.#parts.registry);
    const target = await this.#staged(record, request.version);
    refuseSame(record, { version: request.version, digest: target.digest });
    const plan = await planUpgrade(record, target, request, by, this.#parts);
    const { approve = [] } = request;
    return this.#start('upgrade', target, { approve, plan }, by);
  }

  async rollback(id: ExtensionId, request: RollbackRequest, by: Principal): Promise<string> {
    const record = await movable('rollback', id, this.#parts.registry);
    const { digest } = await keptVersion(id, request.version, this.#parts.stores);
    const { force = false } = request;
    const target = await this.#target(digest);
    const plan = await planRollback(record, target, force, by, this.#parts);
    return this.#start('rollback', target, { force, plan }, by);
  }

  /** Another state, in the version there is. */
  async #change(
    kind: OperationKind,
    id: ExtensionId,
    by: Principal,
    planned: typeof planEnable,
    asked: Pick<BundleInput, 'purge'> = {},
  ): Promise<string> {
    const record = await movable(kind, id, this.#parts.registry);
    const target = await this.#target(record.digest);
    const plan = await planned(record, target.manifest, this.#parts);
    return this.#start(kind, target, { ...asked, plan }, by);
  }

  async #staged({ id, highestVersion }: ExtensionRecord, version: string): Promise<Target> {
    const { digest } = await stagedVersion(id, version, this.#parts.stores);
    const target = await this.#target(digest);
    refuseRollback(target.manifest, highestVersion);
    requireHostVersion(target.manifest);
    return target;
  }

  async #target(digest: string): Promise<Target> {
    const manifest = await this.#parts.registry.describe(digest);
    if (manifest.kind === 'bundle') return { manifest, digest };
    throw new MagError('E_STATE', `${manifest.id} ${manifest.version} is no bundle`);
  }

  async #start(
    kind: OperationKind,
    { manifest, digest }: Target,
    asked: Pick<BundleInput, 'approve' | 'config' | 'purge' | 'force' | 'plan'>,
    by: Principal,
  ): Promise<string> {
    const { id, version } = manifest;
    const input: BundleInput = { id, kind, version, digest, principal: by.id, ...asked };
    return this.#operations.start({
      kind,
      extension: id,
      holds: holdsOf(input, memberIds(manifest)),
      input: input as unknown as JsonObject,
      by,
      run: async (journal) => {
        const peers = await peersOf(input.plan.moves, this.#parts);
        try {
          await runSteps(bundleSteps(input, this.#parts, peers), journal);
        } catch (failure) {
          // Cancelled, it is as it was: nothing is wrong with it.
          if (kind === 'enable' && codeOf(failure) !== 'E_CANCELLED')
            await this.#tellOfFailure(input, failure);
          throw failure;
        }
      },
      after: (error) => this.#ended(input, manifest, by, error),
    });
  }

  /** Spec 06, enable: the operator is alerted. Nothing of the bundle was enabled. */
  async #tellOfFailure({ id, version, plan }: BundleInput, failure: unknown): Promise<void> {
    const { code, message: detail } = toMagError(failure);
    const reason = { code, detail };
    await this.#parts.stores.extensions.put({ ...plan.before, reason });
    await alertOf(this.#parts, { id, version }, reason);
  }

  async #ended(
    { id, kind, version, plan }: BundleInput,
    manifest: BundleManifest,
    by: Principal,
    error: MagError | null,
  ): Promise<void> {
    const parts = this.#parts;
    const detail = { members: memberIds(manifest) };
    await recordEnd(parts, { kind, extension: id, version, by, detail, error });
    if (error !== null) return;
    for (const planned of plan.moves) {
      const { id: extension } = planned.before;
      const done = { ...endOf(planned), extension, by, detail: { bundle: id }, error };
      await recordEnd(parts, done).catch((failure: unknown) =>
        parts.logger.error({ extension, reason: messageOf(failure) }, 'a move was not put on record'),
      );
    }
  }
}

/** What a move of a member is called, and the version it is about. */
function endOf(planned: MemberMove): { kind: OperationKind; version: string } {
  if (planned.move === 'install') return { kind: 'install', version: planned.input.version };
  if (planned.move === 'switch') return { kind: planned.input.kind, version: planned.input.version };
  return { kind: planned.move, version: planned.before.version };
}
