import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { MagError, toMagError } from '../errors.ts';
import type { StartupEntry } from '../operator.ts';
import type { ExtensionRecord } from '../ports.ts';
import { startOrderOfAll } from '../registry/dependencies.ts';
import { announce } from './announce.ts';
import { enableSteps } from './enable-steps.ts';
import type { Parts } from './parts.ts';
import type { RunningExtensions } from './running-extensions.ts';
import { NO_JOURNAL, runSteps } from './steps.ts';

/** Starts what is enabled when the host starts. Startup is data: what started, failed or still starts, and why. */
export class Boot {
  readonly #parts: Parts;
  readonly #running: RunningExtensions;
  readonly #entries = new Map<ExtensionId, StartupEntry>();

  constructor(parts: Parts, running: RunningExtensions) {
    this.#parts = parts;
    this.#running = running;
  }

  entries(): readonly StartupEntry[] {
    return [...this.#entries.values()];
  }

  /** Dependencies first. One that fails stops nobody but those that need it. */
  async startAll(): Promise<void> {
    const { registry } = this.#parts;
    const records = new Map((await registry.records()).map((record) => [record.id, record]));
    for (const id of startOrderOfAll(await registry.nodes())) {
      const record = records.get(id);
      if (record?.state === 'enabled') await this.#start(record);
    }
  }

  /** Stops everything that runs, in the reverse order of its start. */
  async stopAll(): Promise<void> {
    for (const id of this.#running.ids().reverse()) await this.#running.stop(id);
  }

  async #start(record: ExtensionRecord): Promise<void> {
    const { id } = record;
    const startedAt = performance.now();
    const tookMs = () => Math.round(performance.now() - startedAt);
    this.#entries.set(id, { extension: id, state: 'starting', tookMs: null, reason: null });
    try {
      await this.#requireDependencies(record);
      await runSteps(enableSteps(record, this.#parts, this.#running), NO_JOURNAL);
      this.#entries.set(id, { extension: id, state: 'started', tookMs: tookMs(), reason: null });
    } catch (failure) {
      const { code, message: detail } = toMagError(failure);
      this.#entries.set(id, { extension: id, state: 'failed', tookMs: tookMs(), reason: { code, detail } });
      await this.#parts.stores.extensions.put({ ...record, state: 'failed', reason: { code, detail } });
      this.#parts.alert({ extension: id, version: record.version, code, detail });
      await announce(this.#parts, 'extension.error', {
        extension: id,
        version: record.version,
        code,
        detail,
      });
    }
  }

  async #requireDependencies({ id, digest }: ExtensionRecord): Promise<void> {
    const { dependencies } = await this.#parts.registry.manifest(digest);
    for (const needed of Object.keys(dependencies)) {
      if (this.#running.get(needed as ExtensionId) !== undefined) continue;
      throw new MagError('E_DEPENDENCY', `${id} needs ${needed}, which does not run`);
    }
  }
}
