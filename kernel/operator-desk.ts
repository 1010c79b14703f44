import semver from 'semver';
import {
  type CapabilityName,
  capabilityRow,
  isCapability,
  type Scope,
  scopeValueProblems,
} from '../manifests/catalog/index.ts';
import type { Json, JsonObject } from '../manifests/json.ts';
import type { ExtensionId, Manifest } from '../manifests/manifest/manifest.ts';
import { codeOf, MagError, messageOf } from './errors.ts';
import type { Boot } from './lifecycle/boot.ts';
import { completeConfig } from './lifecycle/configuration.ts';
import { budget, isHealthy } from './lifecycle/guest.ts';
import { refuseRollback } from './lifecycle/install-steps.ts';
import type { Lifecycle } from './lifecycle/lifecycle.ts';
import type { Operations } from './lifecycle/operations.ts';
import type { Parts } from './lifecycle/parts.ts';
import type { RunningExtensions } from './lifecycle/running-extensions.ts';
import { planUpgrade } from './lifecycle/upgrade-plan.ts';
import type {
  ExtensionDetail,
  ExtensionSummary,
  InstallRequest,
  Operator,
  Principal,
  RollbackRequest,
  Staged,
  StartupEntry,
  UpgradePlan,
  UpgradeRequest,
} from './operator.ts';
import type { Operation } from './ports.ts';
import type { TrustPolicy } from './trust/policy.ts';
import { effectiveLimits } from './trust/tier-limits.ts';
import { type Package, type Verified, verifyPackage } from './trust/verify.ts';
import { HOST_VERSION } from './version.ts';

const OPERATIONS_SHOWN = 20;
const HEALTH_SHOWN = 60;

export interface OperatorDeskOptions {
  readonly parts: Parts;
  readonly lifecycle: Lifecycle;
  readonly running: RunningExtensions;
  readonly operations: Operations;
  readonly boot: Boot;
  readonly policy: () => Promise<TrustPolicy>;
}

/** Where operators come in: every wish that changes something is audited, refused ones included. */
export class OperatorDesk implements Operator {
  readonly #options: OperatorDeskOptions;
  readonly #parts: Parts;

  constructor(options: OperatorDeskOptions) {
    this.#options = options;
    this.#parts = options.parts;
  }

  async stage(archive: Uint8Array, bundle: string | null, by: Principal): Promise<Staged> {
    const { clock } = this.#parts;
    return this.#audited('extension.stage', 'package', by, async () => {
      const policy = await this.#options.policy();
      const verified = await verifyPackage({ archive, bundle, policy, now: clock.now() });
      await this.#refuseKnown(verified);
      return {
        result: await this.#store(verified),
        target: `${verified.manifest.id}@${verified.manifest.version}`,
      };
    });
  }

  install(id: ExtensionId, request: InstallRequest, by: Principal): Promise<string> {
    return this.#refusalsAudited('extension.install', id, by, () =>
      this.#options.lifecycle.install(id, request, by),
    );
  }

  enable(id: ExtensionId, by: Principal): Promise<string> {
    return this.#refusalsAudited('extension.enable', id, by, () => this.#options.lifecycle.enable(id, by));
  }

  disable(id: ExtensionId, by: Principal): Promise<string> {
    return this.#refusalsAudited('extension.disable', id, by, () => this.#options.lifecycle.disable(id, by));
  }

  uninstall(id: ExtensionId, request: { purge: boolean }, by: Principal): Promise<string> {
    return this.#refusalsAudited('extension.uninstall', id, by, () =>
      this.#options.lifecycle.uninstall(id, request, by),
    );
  }

  upgrade(id: ExtensionId, request: UpgradeRequest, by: Principal): Promise<string> {
    return this.#refusalsAudited('extension.upgrade', id, by, () =>
      this.#options.lifecycle.upgrade(id, request, by),
    );
  }

  rollback(id: ExtensionId, request: RollbackRequest, by: Principal): Promise<string> {
    return this.#refusalsAudited('extension.rollback', id, by, () =>
      this.#options.lifecycle.rollback(id, request, by),
    );
  }

  async upgradePlan(id: ExtensionId, version: string): Promise<UpgradePlan> {
    const { registry, stores } = this.#parts;
    const record = await registry.record(id);
    const [now, next] = [
      await stores.packages.find(id, record.version),
      await stores.packages.find(id, version),
    ];
    if (next === null) throw new MagError('E_NOT_FOUND', `${id} ${version} is not staged`);
    const sizes = { from: now?.sizeBytes ?? 0, to: next.sizeBytes };
    return planUpgrade(await registry.loaded(record.digest), await registry.loaded(next.digest), sizes);
  }

  operation(id: string, waitMs?: number): Promise<Operation> {
    return this.#options.operations.get(id, waitMs);
  }

  onStep(...args: Parameters<Operator['onStep']>): () => void {
    return this.#options.operations.onStep(...args);
  }

  async list(): Promise<ExtensionSummary[]> {
    const { registry } = this.#parts;
    const records = await registry.records();
    return Promise.all(
      records.map(async (record) => ({ record, manifest: await registry.manifest(record.digest) })),
    );
  }

  async show(id: ExtensionId): Promise<ExtensionDetail> {
    const { registry, stores } = this.#parts;
    const record = await registry.record(id);
    const [manifest, versions, kept, grants, operations] = await Promise.all([
      registry.manifest(record.digest),
      stores.packages.list(id),
      stores.extensions.kept(id),
      stores.grants.list(id),
      stores.operations.list(id, OPERATIONS_SHOWN),
    ]);
    const running = this.#options.running.get(id);
    const tier = versions.find(({ digest }) => digest === record.digest)?.tier ?? 'community';
    const limits = running?.manifest.limits ?? effectiveLimits(manifest.limits, tier);
    const stats = running?.process.stats ?? null;
    return { record, manifest, versions, kept, grants, operations, limits, stats };
  }

  async grant(id: ExtensionId, capability: string, scope: Scope | null, by: Principal): Promise<void> {
    await this.#audited('grant.add', `${id} ${capability}`, by, async () => {
      const { manifest } = await this.#declared(id, capability);
      checkScope(known(capability), scope);
      await this.#parts.stores.grants.put({
        extension: id,
        capability: known(capability),
        scope,
        grantedBy: by.id,
      });
      await this.#applyGrants(manifest);
      return { result: undefined, detail: { scope: scope as Json } };
    });
  }

  async revoke(id: ExtensionId, capability: string, by: Principal): Promise<void> {
    await this.#audited('grant.revoke', `${id} ${capability}`, by, async () => {
      const { manifest } = await this.#declared(id, capability);
      const removed = await this.#parts.stores.grants.remove(id, known(capability));
      if (!removed) throw new MagError('E_NOT_FOUND', `${capability} is not granted to ${id}`);
      await this.#applyGrants(manifest);
      return { result: undefined };
    });
  }

  async configure(id: ExtensionId, config: JsonObject, by: Principal): Promise<void> {
    await this.#audited('extension.configure', id, by, async () => {
      const { registry, stores } = this.#parts;
      const record = await registry.record(id);
      if (record.state === 'staged')
        throw new MagError('E_STATE', `${id} is not installed yet; hand the configuration to install`);
      completeConfig(await registry.manifest(record.digest), config);
      await stores.extensions.put({ ...record, config });
      return { result: undefined, detail: { keys: Object.keys(config) } };
    });
  }

  async health(id: ExtensionId): ReturnType<Operator['health']> {
    const record = await this.#parts.registry.record(id);
    const history = await this.#parts.stores.health.latest(id, HEALTH_SHOWN);
    const running = this.#options.running.get(id);
    if (running === undefined) {
      return { healthy: null, detail: record.reason === null ? null : { ...record.reason }, history };
    }
    const target = { kind: 'health', name: 'health' } as const;
    try {
      const answer = await running.process.invoke(target, null, {
        request: null,
        ...budget(running.manifest),
      });
      return { healthy: isHealthy(answer), detail: answer, history };
    } catch (failure) {
      const detail = { code: codeOf(failure) ?? 'E_INTERNAL', detail: messageOf(failure) };
      return { healthy: false, detail, history };
    }
  }

  publish(
    event: { type: string; data: Json; eventId?: string },
    by: Principal,
  ): Promise<{ eventId: string; sequence: number }> {
    return this.#audited('event.publish', event.type, by, async () => {
      const context = { tenant_id: by.tenant, user_id: by.id };
      const result = await this.#parts.bus.publishAs({ ...event, context });
      return { result, detail: { event_id: result.eventId } };
    });
  }

  startup(): readonly StartupEntry[] {
    return this.#options.boot.entries();
  }

  /** @throws `E_PKG_ROLLBACK`, `E_PKG_EQUIVOCATION` (spec 02, trust policy) */
  async #refuseKnown({ manifest, digest }: Verified<Package>): Promise<void> {
    const { stores } = this.#parts;
    const record = await stores.extensions.get(manifest.id);
    refuseRollback(manifest, record?.highestVersion ?? null);
    const same = await stores.packages.find(manifest.id, manifest.version);
    if (same === null || same.digest === digest) return;
    throw new MagError(
      'E_PKG_EQUIVOCATION',
      `${manifest.id} ${manifest.version} was staged before with other content`,
    );
  }

  async #store(verified: Verified<Package>): Promise<Staged> {
    const { stores } = this.#parts;
    const { manifest, digest, publisher, tier, signedBy, archive, bundle } = verified;
    const entry = {
      digest,
      id: manifest.id,
      version: manifest.version,
      publisher,
      tier,
      signedBy,
      sizeBytes: archive.byteLength,
    };
    await stores.packages.put(entry, archive, bundle);
    const record = await stores.extensions.get(manifest.id);
    const isNewest = record?.state !== 'staged' || semver.gte(manifest.version, record.version);
    if (record === null || record.state === 'uninstalled' || (record.state === 'staged' && isNewest)) {
      await stores.extensions.put({
        id: manifest.id,
        state: 'staged',
        version: manifest.version,
        digest,
        highestVersion: record?.highestVersion ?? null,
        config: {},
        reason: null,
      });
    }
    const stored = await stores.packages.find(manifest.id, manifest.version);
    if (stored === null) throw new MagError('E_STORAGE', 'the package was not stored');
    return { package: stored, manifest, warnings: await this.#warnings(manifest) };
  }

  /** What would make an install fail, told early: it may be mended by then. */
  async #warnings(manifest: Manifest): Promise<string[]> {
    const nodes = await this.#parts.registry.nodes();
    const warnings = Object.entries(manifest.dependencies)
      .filter(([id, range]) => !semver.satisfies(nodes.get(id)?.version ?? '0.0.0-missing', range))
      .map(([id, range]) => `needs ${id} ${range}, which is not installed`);
    if (semver.satisfies(HOST_VERSION, manifest.engines.magflock)) return warnings;
    return [...warnings, `needs MagFlock ${manifest.engines.magflock}, this is ${HOST_VERSION}`];
  }

  async #declared(id: ExtensionId, capability: string): Promise<{ manifest: Manifest }> {
    const { registry } = this.#parts;
    const record = await registry.record(id);
    if (record.state === 'staged')
      throw new MagError('E_STATE', `${id} is not installed yet; approve with install`);
    const manifest = await registry.manifest(record.digest);
    if (!manifest.capabilities.some(({ name }) => name === capability)) {
      throw new MagError('E_APPROVAL', `${id} does not declare ${capability}`);
    }
    return { manifest };
  }

  /** The gate first: a revocation holds at once, whatever the database does. */
  async #applyGrants(manifest: Manifest): Promise<void> {
    const { gate, stores, data } = this.#parts;
    const grants = await stores.grants.list(manifest.id);
    if (this.#options.running.get(manifest.id) !== undefined) gate.hold(manifest, grants);
    await data.syncGrants(manifest.id, grants);
  }

  async #audited<Result>(
    action: string,
    target: string,
    by: Principal,
    act: () => Promise<{ result: Result; target?: string; detail?: JsonObject }>,
  ): Promise<Result> {
    const done = await this.#refusalsAudited(action, target, by, act);
    await this.#parts.audit.record({
      principal: by.id,
      tenant: by.tenant,
      action,
      target: done.target ?? target,
      outcome: 'ok',
      detail: done.detail ?? {},
    });
    return done.result;
  }

  async #refusalsAudited<Result>(
    action: string,
    target: string,
    by: Principal,
    act: () => Promise<Result>,
  ): Promise<Result> {
    try {
      return await act();
    } catch (failure) {
      const detail = { code: codeOf(failure) ?? 'E_INTERNAL', detail: messageOf(failure) };
      await this.#parts.audit.record({
        principal: by.id,
        tenant: by.tenant,
        action,
        target,
        outcome: 'refused',
        detail,
      });
      throw failure;
    }
  }
}

/** @throws `E_APPROVAL` when the catalogue does not have it */
function known(capability: string): CapabilityName {
  if (!isCapability(capability))
    throw new MagError('E_APPROVAL', `${capability} is no capability of this host`);
  return capability;
}

/** @throws `E_APPROVAL` when a scope narrows by nothing, or by what the catalogue does not know */
function checkScope(capability: CapabilityName, scope: Scope | null): void {
  const keys = Object.keys(capabilityRow(capability).scope);
  if (scope === null) return;
  const unknown = Object.keys(scope).find((key) => !keys.includes(key));
  if (unknown !== undefined || Object.keys(scope).length === 0) {
    const takes = keys.length === 0 ? 'takes no scope' : `takes a scope of ${keys.join(', ')}`;
    throw new MagError('E_APPROVAL', `${capability} ${takes}`);
  }
  const [problem] = scopeValueProblems(capability, scope);
  if (problem !== undefined) throw new MagError('E_APPROVAL', `${capability} ${problem}`);
}
