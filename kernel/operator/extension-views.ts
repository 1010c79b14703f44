import type { JsonObject } from '../../manifests/json.ts';
import type { AnyManifest, ExtensionId, Limits } from '../../manifests/manifest/manifest.ts';
import { codeOf, messageOf } from '../errors.ts';
import { budget, isHealthy } from '../lifecycle/guest.ts';
import type { Parts } from '../lifecycle/parts.ts';
import { stagedVersion } from '../lifecycle/target-version.ts';
import type {
  ComponentUse,
  ExtensionDetail,
  ExtensionSummary,
  HealthReport,
  ShownState,
  Staged,
  UpgradePlan,
} from '../operator.ts';
import type { ExtensionRecord, StoredPackage } from '../ports.ts';
import { effectiveLimits } from '../trust/tier-limits.ts';
import { planBundleUpgrade } from './bundle-upgrade-plan.ts';
import { membersOf } from './bundle-view.ts';
import { planUpgrade } from './upgrade-plan.ts';

const OPERATIONS_SHOWN = 20;
const HEALTH_SHOWN = 60;
const ALERTS_SHOWN = 20;

export interface ExtensionViewsOptions {
  readonly parts: Parts;
  readonly used: (id: ExtensionId) => ComponentUse;
  readonly isUnhealthy: (id: ExtensionId) => boolean;
}

/** What operators are shown of extensions: read from the stores, and asked of what runs here. Changes nothing. */
export class ExtensionViews {
  readonly #options: ExtensionViewsOptions;
  readonly #parts: Parts;

  constructor(options: ExtensionViewsOptions) {
    this.#options = options;
    this.#parts = options.parts;
  }

  /** Every version whose package is here, last staged first. */
  async packages(id: ExtensionId): Promise<Staged[]> {
    const { stores, registry } = this.#parts;
    const stored = await stores.packages.list(id);
    return Promise.all(
      stored.map(async (entry) => {
        const manifest = await registry.describe(entry.digest);
        const warnings = manifest.kind === 'bundle' ? [] : await this.#parts.lacks(manifest);
        return { package: entry, manifest, members: await membersOf(manifest, this.#parts), warnings };
      }),
    );
  }

  async list(): Promise<ExtensionSummary[]> {
    const { registry } = this.#parts;
    const records = await registry.records();
    const switching = await this.#switching();
    return Promise.all(
      records.map(async (record) => {
        const manifest = await registry.describe(record.digest);
        const members = await membersOf(manifest, this.#parts);
        return { record, state: this.#stateOf(record, switching), manifest, members };
      }),
    );
  }

  /** @throws `E_NOT_FOUND` */
  async show(id: ExtensionId): Promise<ExtensionDetail> {
    const { registry, stores } = this.#parts;
    const record = await registry.record(id);
    const [manifest, versions, kept, grants, operations] = await Promise.all([
      registry.describe(record.digest),
      stores.packages.list(id),
      stores.extensions.kept(id),
      stores.grants.list(id),
      stores.operations.list(id, OPERATIONS_SHOWN),
    ]);
    const running = this.#parts.running.get(id);
    return {
      // In the place of a configuration lies what a bundle consists of: `members` says that.
      record: manifest.kind === 'bundle' ? { ...record, config: {} } : record,
      state: this.#stateOf(record, await this.#switching()),
      manifest,
      members: await membersOf(manifest, this.#parts),
      versions,
      kept,
      grants,
      operations,
      limits: running?.manifest.limits ?? allowedLimits(manifest, record, versions),
      stats: running?.process.stats ?? null,
      used: this.#options.used(id),
      warnings: manifest.kind === 'bundle' ? [] : await this.#parts.lacks(manifest),
    };
  }

  /** Asks the extension now. @throws `E_NOT_FOUND` */
  async health(id: ExtensionId): Promise<HealthReport> {
    const { registry, stores } = this.#parts;
    const record = await registry.record(id);
    const [history, alerts] = await Promise.all([
      stores.health.latest(id, HEALTH_SHOWN),
      stores.health.alerts(id, ALERTS_SHOWN),
    ]);
    const running = this.#parts.running.get(id);
    if (running === undefined) {
      const detail = record.reason === null ? null : { ...record.reason };
      return { healthy: null, detail, history, alerts };
    }
    const target = { kind: 'health', name: 'health' } as const;
    try {
      const options = { request: null, ...budget(running.manifest) };
      const answer = await running.process.invoke(target, null, options);
      return { healthy: isHealthy(answer), detail: answer, history, alerts };
    } catch (failure) {
      const detail = { code: codeOf(failure) ?? 'E_INTERNAL', detail: messageOf(failure) };
      return { healthy: false, detail, history, alerts };
    }
  }

  /** What an upgrade to a staged version would change. @throws `E_NOT_FOUND` */
  async upgradePlan(id: ExtensionId, version: string): Promise<UpgradePlan> {
    const { registry, stores } = this.#parts;
    const record = await registry.record(id);
    const now = await stores.packages.find(id, record.version);
    const next = await stagedVersion(id, version, stores);
    const sizes = { from: now?.sizeBytes ?? 0, to: next.sizeBytes };
    const [from, to] = [await registry.describe(record.digest), await registry.describe(next.digest)];
    if (from.kind === 'bundle' && to.kind === 'bundle')
      return planBundleUpgrade(from, to, sizes, this.#parts);
    return planUpgrade(await registry.loaded(record.digest), await registry.loaded(next.digest), sizes);
  }

  /** The event types that extensions publish, with the schemas of their data. */
  async eventTypes(): Promise<{ name: string; extension: ExtensionId; data: JsonObject }[]> {
    const { registry } = this.#parts;
    const found = await Promise.all(
      (await registry.records()).map(async ({ id, digest }) => {
        const { kind } = await registry.describe(digest);
        if (kind === 'bundle') return [];
        const { eventSchemas } = await registry.loaded(digest);
        return [...eventSchemas].map(([name, data]) => ({ name, extension: id, data }));
      }),
    );
    return found.flat();
  }

  /** Extensions that an operation moves to another version now, on whichever host. */
  async #switching(): Promise<ReadonlySet<ExtensionId>> {
    const holders = await this.#parts.stores.operations.holders();
    const switches = holders.filter(({ kind }) => kind === 'upgrade' || kind === 'rollback');
    return new Set(switches.map(({ extension }) => extension));
  }

  #stateOf({ id, state }: ExtensionRecord, switching: ReadonlySet<ExtensionId>): ShownState {
    if (switching.has(id)) return 'upgrading';
    return state === 'enabled' && this.#options.isUnhealthy(id) ? 'unhealthy' : state;
  }
}

/** What it would run on, by the tier its package was staged with. `null` for a bundle. */
function allowedLimits(
  manifest: AnyManifest,
  { digest }: ExtensionRecord,
  versions: readonly StoredPackage[],
): Limits | null {
  if (manifest.kind === 'bundle') return null;
  const tier = versions.find((version) => version.digest === digest)?.tier ?? 'community';
  return effectiveLimits(manifest.limits, tier);
}
