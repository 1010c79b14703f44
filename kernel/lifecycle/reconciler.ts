import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { MagError, messageOf, toMagError } from '../errors.ts';
import type { StartupEntry } from '../operator.ts';
import type { ExtensionRecord, ExtensionState, HostRun } from '../ports.ts';
import { dependentsOf, startOrderOfAll } from '../registry/dependencies.ts';
import { WorkLoop } from '../work-loop.ts';
import { alertOf } from './announce.ts';
import { withdraw } from './disable-steps.ts';
import { enableSteps } from './enable-steps.ts';
import type { Parts } from './parts.ts';
import { sideBySide } from './side-by-side.ts';
import { NO_JOURNAL, runSteps } from './steps.ts';
import { followSteps } from './switch-steps.ts';

/** When what this host could not bring about is tried again, in milliseconds. */
const RETRY_MS = 60_000;

/**
 * Brings this host to the desired state (spec 01): what is enabled runs, at its version and with its grants,
 * and nothing else does. The first time is the startup of the host, which is data: what started, failed or
 * still starts, and why.
 */
export class Reconciler {
  readonly #parts: Parts;
  readonly #entries = new Map<ExtensionId, StartupEntry>();
  /** What could not be brought about: which code with which configuration. */
  readonly #failed = new Map<ExtensionId, { readonly what: string; readonly untilMs: number }>();
  #revision = 0;
  /** An operation had the turn on something: it is looked at again. */
  #skipped = false;
  readonly #loop = new WorkLoop(() => this.#look());
  #stopped = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  entries(): readonly StartupEntry[] {
    return [...this.#entries.values()];
  }

  /** The newest desired state that this host has reached, as far as it can. */
  get revision(): number {
    return this.#revision;
  }

  runs(): HostRun[] {
    const running = this.#parts.running.ids().map((id): HostRun => {
      const version = this.#parts.running.get(id)?.manifest.version ?? '';
      return { extension: id, version, state: 'running' };
    });
    const failed = [...this.#failed.keys()].filter((id) => this.#parts.running.get(id) === undefined);
    return [...running, ...failed.map((id): HostRun => ({ extension: id, version: '', state: 'failed' }))];
  }

  /** Reconciles soon; a call while it is at work makes it look once more. Never throws. */
  wake(): Promise<void> {
    return this.#loop.wake();
  }

  /** Stops everything that runs, each after those that need it, and starts nothing any more. */
  async stopAll(): Promise<void> {
    this.#stopped = true;
    await this.#loop.ended();
    const ids = this.#parts.running.ids().reverse();
    const manifests = ids.flatMap((id) => this.#parts.running.get(id)?.manifest ?? []);
    await sideBySide(
      ids,
      (id) => dependentsOf(id, manifests),
      async (id) => void (await this.#parts.running.stop(id)),
    );
  }

  async #look(): Promise<void> {
    if (this.#stopped) return;
    try {
      await this.reconcile();
    } catch (failure) {
      this.#parts.logger.warn({ reason: messageOf(failure) }, 'the desired state could not be read');
    }
  }

  /** @throws `E_STORAGE` when the desired state cannot be read */
  async reconcile(): Promise<void> {
    const { registry, stores } = this.#parts;
    const revision = await stores.hosts.revision();
    if (revision === this.#revision && !this.#skipped && !this.#hasRetries()) return;
    this.#skipped = false;
    const enabled = new Set((await registry.records()).filter(isEnabled).map(({ id }) => id));
    for (const id of this.#parts.running.ids().reverse()) if (!enabled.has(id)) await this.#inTurn(id);
    const nodes = await registry.nodes();
    const order = startOrderOfAll(nodes).filter((id) => enabled.has(id));
    await sideBySide(
      order,
      (id) => Object.keys(nodes.get(id)?.dependencies ?? {}) as ExtensionId[],
      (id) => this.#inTurn(id),
    );
    await this.#settleHooks();
    this.#revision = revision;
  }

  /**
   * Hooks that fail closed do so while an extension that is to run does not, or is quarantined. Where an operator does
   * without it they are open.
   */
  async #settleHooks(): Promise<void> {
    const { registry, hooks, turns } = this.#parts;
    for (const { id, state, digest } of await registry.records()) {
      if (this.#parts.running.get(id) !== undefined || turns.isTaken(id)) continue;
      if (!MISSED.has(state)) {
        hooks.open(id);
        continue;
      }
      const manifest = await registry.manifest(digest).catch(() => null); // why it does not start, is told there
      if (manifest !== null) hooks.close(manifest);
    }
  }

  /** An operation of this host leaves its extension as its record says: nothing to do while one has the turn. */
  async #inTurn(id: ExtensionId): Promise<void> {
    const { turns, quarantined, stores } = this.#parts;
    if (this.#stopped) return;
    if (turns.isTaken(id)) {
      this.#skipped = true;
      return;
    }
    await turns.take([id], async () => {
      await quarantined(id);
      const record = await stores.extensions.get(id);
      if (record === null || !isEnabled(record)) return this.#end(id, record);
      const running = this.#parts.running.get(id);
      if (running === undefined) return this.#start(record);
      if (running.digest !== record.digest) return this.#follow(record);
      this.#failed.delete(id);
      this.#parts.gate.hold(running.manifest, await stores.grants.list(id));
    });
  }

  async #end(id: ExtensionId, record: ExtensionRecord | null): Promise<void> {
    this.#failed.delete(id);
    if (this.#parts.running.get(id) === undefined) return;
    if (record?.state === 'quarantined') {
      const detail = record.reason?.detail ?? 'it is quarantined';
      await this.#parts.running.kill(id, new MagError('E_QUARANTINED', detail));
    } else {
      await this.#parts.running.stop(id);
    }
    await withdraw(id, this.#parts);
  }

  async #start(record: ExtensionRecord): Promise<void> {
    const { id } = record;
    if (this.#isHopeless(record)) return;
    const startedAt = performance.now();
    const tookMs = () => Math.round(performance.now() - startedAt);
    this.#entries.set(id, { extension: id, state: 'starting', tookMs: null, reason: null });
    try {
      await this.#requireDependencies(record);
      await runSteps(enableSteps(record, this.#parts), NO_JOURNAL);
      this.#entries.set(id, { extension: id, state: 'started', tookMs: tookMs(), reason: null });
      this.#failed.delete(id);
    } catch (failure) {
      const reason = await this.#giveUp(record, failure);
      this.#entries.set(id, { extension: id, state: 'failed', tookMs: tookMs(), reason });
      // Where another host runs it, it is this host that has a problem.
      if (await this.#parts.othersRun(id)) return;
      await this.#parts.stores.extensions.put({ ...record, state: 'failed', reason });
    }
  }

  /** Another host switched the version: side by side here too, and the old one drained. */
  async #follow(record: ExtensionRecord): Promise<void> {
    if (this.#isHopeless(record)) return;
    try {
      await runSteps(followSteps(record, this.#parts), NO_JOURNAL);
      this.#failed.delete(record.id);
    } catch (failure) {
      await this.#giveUp(record, failure); // the old one goes on
    }
  }

  #hasRetries(): boolean {
    return [...this.#failed.values()].some(({ untilMs }) => performance.now() >= untilMs);
  }

  #isHopeless(record: ExtensionRecord): boolean {
    const failed = this.#failed.get(record.id);
    return failed !== undefined && failed.what === whatOf(record) && performance.now() < failed.untilMs;
  }

  async #giveUp(record: ExtensionRecord, failure: unknown): Promise<{ code: string; detail: string }> {
    const { id, version } = record;
    const { code, message: detail } = toMagError(failure);
    this.#failed.set(id, { what: whatOf(record), untilMs: performance.now() + RETRY_MS });
    await alertOf(this.#parts, { id, version }, { code, detail });
    return { code, detail };
  }

  async #requireDependencies({ id, digest }: ExtensionRecord): Promise<void> {
    const { dependencies } = await this.#parts.registry.manifest(digest);
    for (const needed of Object.keys(dependencies)) {
      if (this.#parts.running.get(needed as ExtensionId) !== undefined) continue;
      throw new MagError('E_DEPENDENCY', `${id} needs ${needed}, which does not run`);
    }
  }
}

/** The states in which it is not an operator who keeps it from running. */
const MISSED: ReadonlySet<ExtensionState> = new Set(['enabled', 'failed', 'quarantined']);

function isEnabled({ state }: ExtensionRecord): boolean {
  return state === 'enabled';
}

function whatOf({ digest, config }: ExtensionRecord): string {
  return `${digest} ${JSON.stringify(config)}`;
}
