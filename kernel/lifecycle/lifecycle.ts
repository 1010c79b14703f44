import { codeOf, MagError, toMagError } from '../errors.ts';
import type { Principal } from '../operator.ts';
import type { ExtensionRecord } from '../ports.ts';
import { dependentsOf, startOrder } from '../registry/dependencies.ts';
import { alertOf, announce, type Reason } from './announce.ts';
import { Bundles } from './bundles/bundles.ts';
import {
  type ExtensionMove,
  endOf,
  inputOf,
  installMove,
  stepsOf,
  switchMove,
  uninstallMove,
} from './extension-moves.ts';
import { approvedOf } from './install-steps.ts';
import { type MoveRequest, requestOf } from './move-request.ts';
import { movable } from './moves.ts';
import { refuseNeeded, requireNeeded, requireUnmoved } from './once-held.ts';
import type { Operations } from './operations.ts';
import type { Parts } from './parts.ts';
import { recordEnd } from './record-end.ts';
import { type Journal, runSteps } from './steps.ts';
import { irreversibleBetween } from './switch-migrations.ts';
import {
  keptVersion,
  refuseIrreversible,
  refuseRollback,
  refuseSame,
  stagedVersion,
} from './target-version.ts';

/** In whose name the host itself moves an extension. */
export const HOST: Principal = { id: 'host', tenant: 't_system' };
/** How long what an extension needs may take to be enabled. */
const ENABLE_MS = 10 * 60_000;

type Asked<Kind extends MoveRequest['kind']> = MoveRequest & { readonly kind: Kind };

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

  /**
   * Refuses what can be told before anything starts, then journals the operation and starts it.
   * @returns the id of the operation
   */
  async begin(request: MoveRequest, by: Principal): Promise<string> {
    const record = await movable(request.kind, request.id, this.#parts.registry);
    if (await this.#bundles.isBundle(record)) return this.#bundles.begin(record, request, by);
    return this.#start(await this.#plan(record, request, by), by);
  }

  /**
   * Disables an extension because it is not well, whatever needs it.
   * @throws `E_STATE` while somebody else moves it
   */
  disableUnwell(before: ExtensionRecord, reason: Reason): Promise<string> {
    return this.#start({ move: 'disable', before, reason }, HOST);
  }

  /**
   * Asks once more for what an operation that failed was asked to do.
   * @throws `E_STATE` when it did not fail, or what it starts from is no more
   */
  async retry(id: string, by: Principal): Promise<string> {
    const operation = await this.#operations.get(id);
    const { state } = operation;
    if (state !== 'failed' && state !== 'rolled_back')
      throw new MagError('E_STATE', `the operation is ${state}: only one that failed is done again`);
    return this.begin(requestOf(operation), by);
  }

  async #plan(before: ExtensionRecord, request: MoveRequest, by: Principal): Promise<ExtensionMove> {
    switch (request.kind) {
      case 'install':
        return this.#planInstall(request, by);
      case 'enable':
        await this.#enableNeeded(before, by);
        return { move: 'enable', before };
      case 'upgrade':
        return this.#planUpgrade(before, request, by);
      case 'rollback':
        return this.#planRollback(before, request, by);
      case 'disable':
        await refuseNeeded(before.id, this.#parts);
        return { move: 'disable', before };
      case 'uninstall':
        await this.#refuseDependents(before);
        return uninstallMove(before, request.purge);
    }
  }

  async #planInstall(request: Asked<'install'>, by: Principal): Promise<ExtensionMove> {
    const { registry, stores } = this.#parts;
    const { id, version, approve, config = {} } = request;
    const { digest } = await stagedVersion(id, version, stores);
    approvedOf(await registry.manifest(digest), approve);
    return installMove({ id, version, digest }, approve, config, by, this.#parts);
  }

  async #planUpgrade(
    record: ExtensionRecord,
    { id, version, approve = [] }: Asked<'upgrade'>,
    by: Principal,
  ): Promise<ExtensionMove> {
    const { registry, stores } = this.#parts;
    const staged = await stagedVersion(id, version, stores);
    refuseSame(record, staged);
    const manifest = await registry.manifest(staged.digest);
    refuseRollback(manifest, record.highestVersion);
    approvedOf(manifest, approve);
    await this.#bundles.requireAgreement(id, version);
    return switchMove('upgrade', record, { ...staged, approve, force: false }, by, this.#parts);
  }

  async #planRollback(
    record: ExtensionRecord,
    { id, version, force = false }: Asked<'rollback'>,
    by: Principal,
  ): Promise<ExtensionMove> {
    const kept = await keptVersion(id, version, this.#parts.stores);
    // A version that is not well goes, whatever a bundle would like to have instead.
    if (by !== HOST) await this.#bundles.requireAgreement(id, kept.version);
    refuseIrreversible(await irreversibleBetween(record.digest, kept.digest, this.#parts), { force });
    return switchMove('rollback', record, { ...kept, approve: [], force }, by, this.#parts);
  }

  /** Enables what it needs first, each as an operation of its own. */
  async #enableNeeded({ id }: ExtensionRecord, by: Principal): Promise<void> {
    const { registry } = this.#parts;
    for (const needed of startOrder(id, await registry.nodes())) {
      if (needed === id || (await registry.record(needed)).state === 'enabled') continue;
      const operation = await this.begin({ kind: 'enable', id: needed }, by);
      const { state, error } = await this.#operations.get(operation, ENABLE_MS);
      if (state === 'succeeded') continue;
      const why = `${id} needs ${needed}, which could not be enabled (${error?.code ?? state})`;
      throw new MagError('E_DEPENDENCY', why);
    }
  }

  async #refuseDependents({ id }: ExtensionRecord): Promise<void> {
    const nodes = await this.#parts.registry.nodes();
    const needing = [...dependentsOf(id, nodes.values()), ...(await this.#bundles.withMember(id))];
    if (needing.length > 0)
      throw new MagError('E_DEPENDENTS', `${needing.join(', ')} need ${id}; uninstall them first`);
  }

  #start(move: ExtensionMove, by: Principal): Promise<string> {
    const { id: extension } = move.before;
    const { kind, version } = endOf(move);
    const input = inputOf(move);
    return this.#operations.start({
      kind,
      extension,
      input,
      by,
      run: async (journal) => {
        await requireUnmoved(kind, move.before, this.#parts.stores);
        await this.#run(move, journal);
      },
      after: (error) => {
        const { reason } = input;
        const detail = reason === undefined ? {} : { reason };
        return recordEnd(this.#parts, { kind, extension, version, by, detail, error });
      },
    });
  }

  async #run(move: ExtensionMove, journal: Journal): Promise<void> {
    const { id } = move.before;
    if (move.move === 'enable') return this.#enable(move, journal);
    if (move.move === 'disable' && move.reason === undefined) await refuseNeeded(id, this.#parts);
    await runSteps(stepsOf(move, this.#parts), journal);
  }

  async #enable(move: ExtensionMove & { move: 'enable' }, journal: Journal): Promise<void> {
    const { id } = move.before;
    await requireNeeded(id, this.#parts);
    const before = await this.#parts.registry.record(id); // it may have been configured since it was asked for
    try {
      await runSteps(stepsOf({ ...move, before }, this.#parts), journal);
    } catch (failure) {
      // Cancelled, it is as it was: nothing is wrong with it.
      if (codeOf(failure) !== 'E_CANCELLED') await this.#disableAfterFailure(before, toMagError(failure));
      throw failure;
    }
  }

  /** Spec 06, enable: "else disabled, operator alerted". */
  async #disableAfterFailure({ id }: ExtensionRecord, { code, message: detail }: MagError): Promise<void> {
    const { stores, quarantined, alert } = this.#parts;
    await quarantined(id);
    const record = await stores.extensions.get(id);
    if (record === null || record.state === 'quarantined') return; // quarantine outranks a failed start
    const reason = { code, detail };
    await stores.extensions.put({ ...record, state: 'disabled', reason });
    if (code !== 'E_HEALTH') return alertOf(this.#parts, record, reason);
    const who = { extension: id, version: record.version };
    alert({ ...who, ...reason });
    await announce(this.#parts, 'extension.health_check.failed', { ...who, check: 'enable', detail });
  }
}
