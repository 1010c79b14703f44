import type { JsonObject } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { codeOf, MagError, toMagError } from '../errors.ts';
import type { InstallRequest, Principal, RollbackRequest, UpgradeRequest } from '../operator.ts';
import type { ExtensionRecord } from '../ports.ts';
import { dependentsOf, startOrder } from '../registry/dependencies.ts';
import { announce, type Reason } from './announce.ts';
import { Bundles } from './bundles.ts';
import { disableSteps, setState } from './disable-steps.ts';
import { enableSteps } from './enable-steps.ts';
import { approvedOf, type InstallInput, installSteps } from './install-steps.ts';
import { movable } from './moves.ts';
import { refuseNeeded, requireNeeded, requireUnmoved } from './once-held.ts';
import type { Operations, Work } from './operations.ts';
import type { Parts } from './parts.ts';
import { recordEnd } from './record-end.ts';
import { type Journal, runSteps } from './steps.ts';
import { type SwitchInput, switchInput } from './switch-input.ts';
import { irreversibleBetween } from './switch-migrations.ts';
import { switchSteps } from './switch-steps.ts';
import {
  keptVersion,
  refuseIrreversible,
  refuseRollback,
  refuseSame,
  stagedVersion,
} from './target-version.ts';
import { type UninstallInput, uninstallSteps } from './uninstall-steps.ts';

/** In whose name the host itself moves an extension. */
export const HOST: Principal = { id: 'host', tenant: 't_system' };
/** How long what an extension needs may take to be enabled. */
const ENABLE_MS = 10 * 60_000;

/** Moves extensions through their states (spec 06): every move is an operation with journaled steps. */
export class Lifecycle {
  readonly #parts: Parts;
  readonly #operations: Operations;
  readonly #bundles: Bundles;

  constructor(parts: Parts, operations: Operations) {
    this.#parts = parts;
    this.#operations = operations;
    this.#bundles = new Bundles(parts, operations);
  }

  async install(id: ExtensionId, request: InstallRequest, by: Principal): Promise<string> {
    if (await this.#bundles.knows(id)) return this.#bundles.install(id, request, by);
    const { registry, stores, data } = this.#parts;
    const record = await movable('install', id, registry);
    const staged = await stagedVersion(id, request.version, stores);
    approvedOf(await registry.manifest(staged.digest), request.approve); // refused before anything starts
    const input: InstallInput = {
      id,
      version: request.version,
      digest: staged.digest,
      approve: request.approve,
      config: request.config ?? {},
      principal: by.id,
      hadData: await data.exists(id),
    };
    return this.#start('install', record, input as unknown as JsonObject, by, (journal) =>
      runSteps(installSteps(input, this.#parts), journal),
    );
  }

  /** Enables what it needs first, each as an operation of its own. */
  async enable(id: ExtensionId, by: Principal): Promise<string> {
    if (await this.#bundles.knows(id)) return this.#bundles.enable(id, by);
    const { registry } = this.#parts;
    const record = await movable('enable', id, registry);
    for (const needed of startOrder(id, await registry.nodes())) {
      if (needed !== id) await this.#enableNeeded(needed, id, by);
    }
    return this.#start('enable', record, { version: record.version }, by, async (journal) => {
      await requireNeeded(id, this.#parts);
      const steps = enableSteps(await registry.record(id), this.#parts);
      const remember = { name: 'record', run: () => setState(this.#parts, id, 'enabled') };
      try {
        await runSteps([...steps, remember], journal);
      } catch (failure) {
        // Cancelled, it is as it was: nothing is wrong with it.
        if (codeOf(failure) !== 'E_CANCELLED') await this.#disableAfterFailure(id, failure);
        throw failure;
      }
    });
  }

  async upgrade(id: ExtensionId, request: UpgradeRequest, by: Principal): Promise<string> {
    if (await this.#bundles.knows(id)) return this.#bundles.upgrade(id, request, by);
    const { registry, stores } = this.#parts;
    const record = await movable('upgrade', id, registry);
    const staged = await stagedVersion(id, request.version, stores);
    refuseSame(record, staged);
    const manifest = await registry.manifest(staged.digest);
    refuseRollback(manifest, record.highestVersion);
    const approve = request.approve ?? [];
    approvedOf(manifest, approve);
    await this.#bundles.requireAgreement(id, staged.version);
    return this.#switch(
      'upgrade',
      record,
      { version: staged.version, digest: staged.digest, approve, force: false },
      by,
    );
  }

  async rollback(id: ExtensionId, request: RollbackRequest, by: Principal): Promise<string> {
    if (await this.#bundles.knows(id)) return this.#bundles.rollback(id, request, by);
    const { registry, stores } = this.#parts;
    const record = await movable('rollback', id, registry);
    const target = await keptVersion(id, request.version, stores);
    // A version that is not well goes, whatever a bundle would like to have instead.
    if (by !== HOST) await this.#bundles.requireAgreement(id, target.version);
    const force = request.force ?? false;
    const stuck = await irreversibleBetween(record.digest, target.digest, this.#parts);
    refuseIrreversible(stuck, { force });
    return this.#switch(
      'rollback',
      record,
      { version: target.version, digest: target.digest, approve: [], force },
      by,
    );
  }

  async disable(id: ExtensionId, by: Principal): Promise<string> {
    if (await this.#bundles.knows(id)) return this.#bundles.disable(id, by);
    const { registry } = this.#parts;
    const record = await movable('disable', id, registry);
    await refuseNeeded(id, this.#parts);
    return this.#start('disable', record, { version: record.version }, by, async (journal) => {
      await refuseNeeded(id, this.#parts);
      await this.#disable(id, journal);
    });
  }

  /**
   * Disables an extension because it is not well, whatever needs it.
   * @throws `E_STATE` while somebody else moves it
   */
  disableUnwell(record: ExtensionRecord, reason: Reason): Promise<string> {
    const { id, version } = record;
    return this.#start('disable', record, { version, reason: { ...reason } }, HOST, (journal) =>
      this.#disable(id, journal, reason),
    );
  }

  async uninstall(id: ExtensionId, request: { purge: boolean }, by: Principal): Promise<string> {
    if (await this.#bundles.knows(id)) return this.#bundles.uninstall(id, request, by);
    const { registry } = this.#parts;
    const record = await movable('uninstall', id, registry);
    const needing = [
      ...dependentsOf(id, (await registry.nodes()).values()),
      ...(await this.#bundles.withMember(id)),
    ];
    if (needing.length > 0)
      throw new MagError('E_DEPENDENTS', `${needing.join(', ')} need ${id}; uninstall them first`);
    const input = { id, digest: record.digest, purge: request.purge };
    return this.#start('uninstall', record, { ...input, version: record.version }, by, (journal) =>
      runSteps(uninstallSteps(input, this.#parts), journal),
    );
  }

  /**
   * Asks once more for what an operation that failed was asked to do.
   * @throws `E_STATE` when it did not fail, or what it starts from is no more
   */
  async retry(operation: string, by: Principal): Promise<string> {
    const { extension: id, kind, state, input } = await this.#operations.get(operation);
    if (state !== 'failed' && state !== 'rolled_back')
      throw new MagError('E_STATE', `the operation is ${state}: only one that failed is done again`);
    const asked = input as unknown as InstallInput & SwitchInput & UninstallInput;
    switch (kind) {
      case 'install':
        return this.install(id, { version: asked.version, approve: asked.approve, config: asked.config }, by);
      case 'enable':
        return this.enable(id, by);
      case 'disable':
        return this.disable(id, by);
      case 'uninstall':
        return this.uninstall(id, { purge: asked.purge }, by);
      case 'upgrade':
        return this.upgrade(id, { version: asked.version, approve: asked.approve }, by);
      case 'rollback':
        return this.rollback(id, { version: asked.version, force: asked.force }, by);
    }
  }

  async #switch(
    kind: SwitchInput['kind'],
    record: ExtensionRecord,
    target: Pick<SwitchInput, 'version' | 'digest' | 'approve' | 'force'>,
    by: Principal,
  ): Promise<string> {
    const input = await switchInput(kind, record, target, by, this.#parts.stores);
    return this.#start(kind, record, input as unknown as JsonObject, by, (journal) =>
      runSteps(switchSteps(input, record, this.#parts), journal),
    );
  }

  async #enableNeeded(needed: ExtensionId, by: ExtensionId, principal: Principal): Promise<void> {
    const { state } = await this.#parts.registry.record(needed);
    if (state === 'enabled') return;
    const operation = await this.enable(needed, principal);
    const ended = await this.#operations.get(operation, ENABLE_MS);
    if (ended.state === 'succeeded') return;
    throw new MagError(
      'E_DEPENDENCY',
      `${by} needs ${needed}, which could not be enabled (${ended.error?.code ?? ended.state})`,
    );
  }

  #disable(id: ExtensionId, journal: Journal, reason: Reason | null = null): Promise<void> {
    return runSteps(disableSteps(id, this.#parts, reason), journal);
  }

  /** Spec 06, enable: "else disabled, operator alerted". */
  async #disableAfterFailure(id: ExtensionId, failure: unknown): Promise<void> {
    const { stores } = this.#parts;
    const error = toMagError(failure);
    await this.#parts.quarantined(id);
    const record = await stores.extensions.get(id);
    if (record === null || record.state === 'quarantined') return; // quarantine outranks a failed start
    const reason = { code: error.code, detail: error.message };
    await stores.extensions.put({ ...record, state: 'disabled', reason });
    this.#parts.alert({ extension: id, version: record.version, ...reason });
    const who = { extension: id, version: record.version };
    if (error.code === 'E_HEALTH') {
      await announce(this.#parts, 'extension.health_check.failed', {
        ...who,
        check: 'enable',
        detail: error.message,
      });
    } else {
      await announce(this.#parts, 'extension.error', { ...who, ...reason });
    }
  }

  #start(
    kind: Work['kind'],
    record: ExtensionRecord,
    input: JsonObject,
    by: Principal,
    run: Work['run'],
  ): Promise<string> {
    const { id } = record;
    return this.#operations.start({
      kind,
      extension: id,
      input,
      by,
      run: async (journal) => {
        await requireUnmoved(kind, record, this.#parts.stores);
        await run(journal);
      },
      after: (error) => {
        const { version, reason } = input;
        const detail: JsonObject = reason === undefined ? {} : { reason };
        return recordEnd(this.#parts, { kind, extension: id, version: String(version), by, detail, error });
      },
    });
  }
}
