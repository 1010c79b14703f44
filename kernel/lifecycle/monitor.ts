import type { Json } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { MagError, messageOf } from '../errors.ts';
import type { HealthSample } from '../ports.ts';
import type { CellStats } from '../sandbox/cell.ts';
import { announce } from './announce.ts';
import { checkHealth } from './guest.ts';
import type { Parts } from './parts.ts';
import type { Running, RunningExtensions } from './running-extensions.ts';
import { verdict } from './verdict.ts';

/** How often it is looked whose check is due. */
const TICK_MS = 1_000;
/** Samples a verdict looks back on. */
const LOOK_BACK = 20;

interface Watch {
  readonly running: Running;
  dueMs: number;
  /** What the process had used at the check before. */
  before: Pick<CellStats, keyof typeof NOTHING_YET>;
}

/** What a process has used before its first check. */
const NOTHING_YET = { calls: 0, errors: 0, cpuMs: 0, restarts: 0 };

export interface MonitorOptions {
  readonly parts: Parts;
  readonly running: RunningExtensions;
  /** Overrides the interval of every manifest, in milliseconds. */
  readonly intervalMs: number | null;
  /** Sees to an extension that is not well. */
  readonly unwell: (id: ExtensionId, reason: MagError) => Promise<void>;
}

/**
 * Looks after what runs (spec 06, run): a health check at every interval, what was used since the one before,
 * and the end of an extension that is not well.
 */
export class Monitor {
  readonly #options: MonitorOptions;
  readonly #watched = new Map<ExtensionId, Watch>();
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> = Promise.resolve();

  constructor(options: MonitorOptions) {
    this.#options = options;
  }

  start(): void {
    const tick = Math.min(TICK_MS, this.#options.intervalMs ?? TICK_MS);
    this.#timer = setInterval(() => {
      this.#round = this.#round.then(() => this.#checkDue());
    }, tick).unref();
  }

  /** Waits for a check under way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#round;
  }

  async #checkDue(): Promise<void> {
    const { running, parts } = this.#options;
    for (const id of this.#watched.keys()) if (running.get(id) === undefined) this.#watched.delete(id);
    const due = running.ids().filter((id) => this.#isDue(id));
    await Promise.all(
      due.map((id) =>
        this.#check(id).catch((failure: unknown) => {
          parts.logger.error(
            { extension: id, reason: messageOf(failure) },
            'a health check could not be made',
          );
        }),
      ),
    );
  }

  /** A process that was replaced or is new gets its first check an interval from now. */
  #isDue(id: ExtensionId): boolean {
    const running = this.#options.running.get(id);
    if (running === undefined) return false;
    const watch = this.#watched.get(id);
    if (watch?.running === running) return performance.now() >= watch.dueMs;
    this.#watched.set(id, { running, dueMs: this.#nextDue(running), before: NOTHING_YET });
    return false;
  }

  #nextDue({ manifest }: Running): number {
    return performance.now() + (this.#options.intervalMs ?? manifest.health.intervalSeconds * 1_000);
  }

  async #check(id: ExtensionId): Promise<void> {
    const watch = this.#watched.get(id);
    if (watch === undefined) return;
    const { parts, running, unwell } = this.#options;
    const { manifest, process } = watch.running;
    const detail = await checkHealth(process.invoke.bind(process), manifest).then(
      () => null,
      (failure: unknown): Json => ({ detail: messageOf(failure) }),
    );
    watch.dueMs = this.#nextDue(watch.running);
    if (running.get(id) !== watch.running) return; // it was stopped or replaced meanwhile
    await parts.stores.health.record(this.#sample(id, watch, detail));
    if (detail !== null) {
      const what = { check: 'periodic', detail: JSON.stringify(detail) };
      await announce(parts, 'extension.health_check.failed', {
        extension: id,
        version: manifest.version,
        ...what,
      });
    }
    const reason = verdict(await parts.stores.health.latest(id, LOOK_BACK), parts.clock.now());
    if (reason !== null) await unwell(id, new MagError('E_HEALTH', reason));
  }

  #sample(extension: ExtensionId, watch: Watch, detail: Json): HealthSample {
    const { before } = watch;
    const now = watch.running.process.stats;
    watch.before = now;
    return {
      extension,
      at: this.#options.parts.clock.now(),
      healthy: detail === null,
      detail,
      calls: now.calls - before.calls,
      errors: now.errors - before.errors,
      cpuMs: now.cpuMs - before.cpuMs,
      heapBytes: now.heapBytes,
      restarts: now.restarts - before.restarts,
    };
  }
}
