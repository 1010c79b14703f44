import semver from 'semver';
import type { JsonObject } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { MagError, toMagError } from '../errors.ts';
import type { InstallRequest, Principal, RollbackRequest, UpgradeRequest } from '../operator.ts';
import type { ExtensionRecord, ExtensionState, KeptVersion } from '../ports.ts';
import { dependentsOf, startOrder } from '../registry/dependencies.ts';
import { announce } from './announce.ts';
import { enableSteps } from './enable-steps.ts';
import { approvedOf, type InstallInput, installSteps, refuseRollback } from './install-steps.ts';
import { move } from './moves.ts';
import type { Operations, Work } from './operations.ts';
import type { Parts } from './parts.ts';
import type { RunningExtensions } from './running-extensions.ts';
import { type Journal, runSteps } from './steps.ts';
import { irreversible, type SwitchInput, switchSteps } from './switch-steps.ts';
import { uninstallSteps } from './uninstall-steps.ts';

const HOST: Principal = { id: 'host', tenant: 't_system' };
/** Longer than stopping an extension takes, and than switching its version. */
const DISABLE_MS = 60_000;
const SWITCH_MS = 120_000;
/** How long a new version is on probation. */
const PROBATION_MS = 5 * 60_000;

/** Moves extensions through their states (spec 06): every move is an operation with journaled steps. */
export class Lifecycle {
  readonly #parts: Parts;
  readonly #running: RunningExtensions;
  readonly #operations: Operations;

  constructor(parts: Parts, running: RunningExtensions, operations: Operations) {
    this.#parts = parts;
    this.#running = running;
    this.#operations = operations;
  }

  async install(id: ExtensionId, request: InstallRequest, by: Principal): Promise<string> {
    const { registry, stores, data } = this.#parts;
    const record = await registry.record(id);
    move('install', record.state);
    const staged = await stores.packages.find(id, request.version);
    if (staged === null) throw new MagError('E_NOT_FOUND', `${id} ${request.version} is not staged`);
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
    return this.#start('install', id, input as unknown as JsonObject, by, (journal) =>
      runSteps(installSteps(input, this.#parts, this.#running), journal),
    );
  }

  /** Enables what it needs first, each as an operation of its own. */
  async enable(id: ExtensionId, by: Principal): Promise<string> {
    const { registry } = this.#parts;
    const record = await registry.record(id);
    move('enable', record.state);
    for (const needed of startOrder(id, await registry.nodes())) {
      if (needed !== id) await this.#enableNeeded(needed, id, by);
    }
    return this.#start('enable', id, { version: record.version }, by, async (journal) => {
      const steps = enableSteps(record, this.#parts, this.#running);
      const remember = { name: 'record', run: () => this.#setState(id, 'enabled') };
      try {
        await runSteps([...steps, remember], journal);
      } catch (failure) {
        await this.#disableAfterFailure(id, failure);
        throw failure;
      }
    });
  }

  async upgrade(id: ExtensionId, request: UpgradeRequest, by: Principal): Promise<string> {
    const { registry, stores } = this.#parts;
    const record = await registry.record(id);
    move('upgrade', record.state);
    const staged = await stores.packages.find(id, request.version);
    if (staged === null) throw new MagError('E_NOT_FOUND', `${id} ${request.version} is not staged`);
    if (staged.digest === record.digest)
      throw new MagError('E_STATE', `${id} is at ${request.version} already`);
    const manifest = await registry.manifest(staged.digest);
    refuseRollback(manifest, record.highestVersion);
    const approve = request.approve ?? [];
    approvedOf(manifest, approve);
    return this.#switch(
      'upgrade',
      record,
      { version: staged.version, digest: staged.digest, approve, force: false },
      by,
    );
  }

  async rollback(id: ExtensionId, request: RollbackRequest, by: Principal): Promise<string> {
    const { registry, stores } = this.#parts;
    const record = await registry.record(id);
    move('rollback', record.state);
    const kept = await stores.extensions.kept(id);
    const target = kept.find(({ version }) => request.version === undefined || version === request.version);
    if (target === undefined) {
      const which = request.version === undefined ? 'no other version' : `not ${request.version}`;
      throw new MagError('E_NOT_FOUND', `of ${id} ${which} is kept to go back to`);
    }
    const force = request.force ?? false;
    const { migrations } = await registry.loaded(target.digest);
    const stuck = irreversible(
      await registry.loaded(record.digest),
      migrations.map(({ name }) => name),
    );
    if (stuck.length > 0 && !force) {
      throw new MagError(
        'E_IRREVERSIBLE',
        `${stuck.join(', ')} cannot be reversed; force goes back and leaves it`,
      );
    }
    return this.#switch(
      'rollback',
      record,
      { version: target.version, digest: target.digest, approve: [], force },
      by,
    );
  }

  async disable(id: ExtensionId, by: Principal): Promise<string> {
    const { registry } = this.#parts;
    const record = await registry.record(id);
    move('disable', record.state);
    const enabled = new Set(
      (await registry.records()).filter(({ state }) => state === 'enabled').map((row) => row.id),
    );
    const needing = dependentsOf(id, (await registry.nodes()).values()).filter((other) => enabled.has(other));
    if (needing.length > 0)
      throw new MagError('E_DEPENDENTS', `${needing.join(', ')} need ${id}; disable them first`);
    return this.#start('disable', id, { version: record.version }, by, (journal) =>
      this.#disable(id, journal),
    );
  }

  /**
   * Sees to an extension that is not well (spec 06, run and upgrade): in the first minutes of a new version
   * the old one comes back, else it is disabled. Others may need it: they see it fail, as they would have
   * anyway.
   */
  async handleUnwell(id: ExtensionId, error: MagError): Promise<void> {
    const { registry, stores, clock } = this.#parts;
    const record = await registry.record(id);
    if (record.state !== 'enabled') return;
    const reason = { code: error.code, detail: error.message };
    this.#parts.alert({ extension: id, version: record.version, ...reason });
    const [replaced] = await stores.extensions.kept(id);
    if (replaced !== undefined && isOnProbation(record, replaced, clock.now())) {
      // What its migrations added stays where it cannot be reversed: the old version works beside it.
      const back = await this.rollback(id, { version: replaced.version, force: true }, HOST);
      await this.#operations.get(back, SWITCH_MS);
      await stores.extensions.forget(id, record.version); // nobody is to come back to this one by chance
      return;
    }
    const operation = await this.#start(
      'disable',
      id,
      { version: record.version, reason },
      HOST,
      async (journal) => {
        await this.#disable(id, journal);
        const disabled = await stores.extensions.get(id);
        if (disabled !== null) await stores.extensions.put({ ...disabled, reason });
      },
    );
    await this.#operations.get(operation, DISABLE_MS);
  }

  async uninstall(id: ExtensionId, request: { purge: boolean }, by: Principal): Promise<string> {
    const { registry } = this.#parts;
    const record = await registry.record(id);
    move('uninstall', record.state);
    const needing = dependentsOf(id, (await registry.nodes()).values());
    if (needing.length > 0)
      throw new MagError('E_DEPENDENTS', `${needing.join(', ')} need ${id}; uninstall them first`);
    const input = { id, digest: record.digest, purge: request.purge };
    return this.#start('uninstall', id, { ...input, version: record.version }, by, (journal) =>
      runSteps(uninstallSteps(input, this.#parts, this.#running), journal),
    );
  }

  async #switch(
    kind: SwitchInput['kind'],
    record: ExtensionRecord,
    target: Pick<SwitchInput, 'version' | 'digest' | 'approve' | 'force'>,
    by: Principal,
  ): Promise<string> {
    const { id, version, digest } = record;
    const grants = await this.#parts.stores.grants.list(id);
    const input: SwitchInput = {
      ...target,
      id,
      kind,
      from: { version, digest },
      principal: by.id,
      grantsBefore: grants.map(({ capability, scope }) => ({ capability, scope })),
    };
    return this.#start(kind, id, input as unknown as JsonObject, by, (journal) =>
      runSteps(switchSteps(input, record, this.#parts, this.#running), journal),
    );
  }

  async #enableNeeded(needed: ExtensionId, by: ExtensionId, principal: Principal): Promise<void> {
    const { state } = await this.#parts.registry.record(needed);
    if (state === 'enabled') return;
    const operation = await this.enable(needed, principal);
    const ended = await this.#operations.get(operation, 10 * 60_000);
    if (ended.state === 'succeeded') return;
    throw new MagError(
      'E_DEPENDENCY',
      `${by} needs ${needed}, which could not be enabled (${ended.error?.code ?? ended.state})`,
    );
  }

  async #disable(id: ExtensionId, journal: Journal): Promise<void> {
    await runSteps(
      [
        { name: 'stop(), unregister, park subscriptions', run: () => this.#running.stop(id) },
        { name: 'withdraw rights', run: async () => this.#withdraw(id) },
        { name: 'record', run: () => this.#setState(id, 'disabled') },
      ],
      journal,
    );
  }

  async #withdraw(id: ExtensionId): Promise<void> {
    this.#parts.gate.release(id);
    this.#parts.types.retract(id);
    await this.#parts.files.clearTemp(id);
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

  async #setState(id: ExtensionId, state: ExtensionState): Promise<void> {
    const record = await this.#parts.stores.extensions.get(id);
    if (record === null) throw new MagError('E_NOT_FOUND', `${id} is not known here`);
    await this.#parts.stores.extensions.put({ ...record, state, reason: null });
  }

  #start(
    kind: Work['kind'],
    id: ExtensionId,
    input: JsonObject,
    by: Principal,
    run: Work['run'],
  ): Promise<string> {
    return this.#operations.start({
      kind,
      extension: id,
      input,
      by,
      run,
      after: (error) => this.#ended(kind, id, input, by, error),
    });
  }

  async #ended(
    kind: Work['kind'],
    id: ExtensionId,
    { version = '', reason }: JsonObject,
    by: Principal,
    error: MagError | null,
  ): Promise<void> {
    const why = reason === undefined ? {} : { reason };
    await this.#parts.audit.record({
      principal: by.id,
      tenant: by.tenant,
      action: `extension.${kind}`,
      target: id,
      outcome: error === null ? 'ok' : 'failed',
      detail: error === null ? { version, ...why } : { version, code: error.code, detail: error.message },
    });
    if (error !== null) return;
    const told = reason === undefined ? {} : { reason: JSON.stringify(reason) };
    await announce(this.#parts, MOVED[kind], { extension: id, version, ...told });
  }
}

/** Whether a version is so new that the one before it is the better one to run. */
function isOnProbation(record: ExtensionRecord, replaced: KeptVersion, now: Date): boolean {
  const isNew = now.getTime() - replaced.replacedAt.getTime() < PROBATION_MS;
  return isNew && semver.gt(record.version, replaced.version);
}

const MOVED = {
  install: 'extension.installed',
  enable: 'extension.enabled',
  disable: 'extension.disabled',
  uninstall: 'extension.uninstalled',
  upgrade: 'extension.upgraded',
  rollback: 'extension.upgraded',
} as const;
