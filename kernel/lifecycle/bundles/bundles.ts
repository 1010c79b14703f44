import semver from 'semver';
import type { JsonObject } from '../../../manifests/json.ts';
import type { BundleManifest, ExtensionId } from '../../../manifests/manifest/manifest.ts';
import { codeOf, MagError, messageOf, toMagError } from '../../errors.ts';
import type { Principal } from '../../operator.ts';
import type { ExtensionRecord } from '../../ports.ts';
import { alertOf } from '../announce.ts';
import { endOf, peersOf } from '../extension-moves.ts';
import type { MoveRequest } from '../move-request.ts';
import type { Operations } from '../operations.ts';
import type { Parts } from '../parts.ts';
import { recordEnd } from '../record-end.ts';
import { runSteps } from '../steps.ts';
import {
  keptVersion,
  refuseRollback,
  refuseSame,
  requireHostVersion,
  stagedVersion,
} from '../target-version.ts';
import { memberIds } from './members.ts';
import { planDisable, planEnable, planUninstall } from './state-plans.ts';
import { type BundleInput, type BundlePlan, bundleSteps, holdsOf } from './steps.ts';
import { planInstall, planRollback, planUpgrade, type Target } from './version-plans.ts';

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

  async isBundle({ digest }: ExtensionRecord): Promise<boolean> {
    try {
      return (await this.#parts.registry.describe(digest)).kind === 'bundle';
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

  /** Journals an operation on a bundle and starts it. @returns its id */
  async begin(record: ExtensionRecord, request: MoveRequest, by: Principal): Promise<string> {
    const target = await this.#target(record, request);
    const plan = await this.#plan(record, target, request, by);
    const { manifest, digest } = target;
    const { id, version } = manifest;
    const { kind } = request;
    const input: BundleInput = { id, kind, version, digest, principal: by.id, ...askedFor(request), plan };
    return this.#operations.start({
      kind,
      extension: id,
      holds: holdsOf(input, memberIds(manifest)),
      input: input as unknown as JsonObject,
      by,
      run: async (journal) => {
        const peers = await peersOf(plan.moves, this.#parts);
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

  /** The version that the bundle is to have. */
  async #target(record: ExtensionRecord, request: MoveRequest): Promise<Target> {
    const { id, digest } = record;
    const { stores } = this.#parts;
    if (request.kind === 'rollback')
      return this.#bundleOf((await keptVersion(id, request.version, stores)).digest);
    if (request.kind !== 'install' && request.kind !== 'upgrade') return this.#bundleOf(digest);
    const staged = await stagedVersion(id, request.version, stores);
    const target = await this.#bundleOf(staged.digest);
    refuseRollback(target.manifest, record.highestVersion);
    requireHostVersion(target.manifest);
    if (request.kind === 'upgrade') refuseSame(record, staged);
    return target;
  }

  async #bundleOf(digest: string): Promise<Target> {
    const manifest = await this.#parts.registry.describe(digest);
    if (manifest.kind === 'bundle') return { manifest, digest };
    throw new MagError('E_STATE', `${manifest.id} ${manifest.version} is no bundle`);
  }

  #plan(record: ExtensionRecord, target: Target, request: MoveRequest, by: Principal): Promise<BundlePlan> {
    const { manifest } = target;
    switch (request.kind) {
      case 'install':
        return planInstall(record, target, request, by, this.#parts);
      case 'enable':
        return planEnable(record, manifest, this.#parts);
      case 'upgrade':
        return planUpgrade(record, target, request, by, this.#parts);
      case 'rollback':
        return planRollback(record, target, request.force ?? false, by, this.#parts);
      case 'disable':
        return planDisable(record, manifest, this.#parts);
      case 'uninstall':
        return planUninstall(record, manifest, request.purge, this.#parts);
    }
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

/** What is journaled of a request besides what it is about: a retry asks for the same. */
function askedFor(request: MoveRequest): Pick<BundleInput, 'approve' | 'config' | 'purge' | 'force'> {
  switch (request.kind) {
    case 'install':
      return { approve: request.approve, config: request.config ?? {} };
    case 'upgrade':
      return { approve: request.approve ?? [] };
    case 'rollback':
      return { force: request.force ?? false };
    case 'uninstall':
      return { purge: request.purge };
    default:
      return {};
  }
}
