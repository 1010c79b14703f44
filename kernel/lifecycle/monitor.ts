import type { Json } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { type MagError, messageOf } from '../errors.ts';
import type { HealthSample } from '../ports.ts';
import type { CellStats, ExtensionProcess } from '../sandbox/cell.ts';
import { announce } from './announce.ts';
import { checkHealth } from './guest.ts';
import type { Parts } from './parts.ts';
import type { Running } from './running-extensions.ts';
import { Verdict } from './verdict.ts';

/** How often it is looked whose check is due, and calls are counted. */
const TICK_MS = 1_000;
/** The error rate is judged this often although checks may be further apart. */
const JUDGED_EVERY_MS = 60_000;

/** Numbers that add up while the host runs, by name. */
export type Totals = Readonly<Record<string, number>>;

/** What a run of an extension has used so far. */
interface Reading extends CellStats {
  readonly atMs: number;
  /** Of the components, since the host started. */
  readonly used: Totals;
}

interface Watch {
  readonly running: Running;
  readonly verdict: Verdict;
  dueMs: number;
  judgeMs: number;
  isChecking: boolean;
  /** As the last check found it. */
  healthy: boolean;
  /** At the check before, or when the watch began. */
  before: Reading;
  /** The calls of health checks themselves, which say nothing about those of others. */
  readonly probes: { calls: number; errors: number };
}

export interface MonitorOptions {
  readonly parts: Parts;
  /** Overrides the interval of every manifest, in milliseconds. */
  readonly intervalMs: number | null;
  /** What an extension has used of the components since this host started. */
  readonly used: (id: ExtensionId) => Totals;
  /** Sees to an extension that is not well. */
  readonly unwell: (id: ExtensionId, reason: MagError) => Promise<void>;
}

/**
 * Looks after what runs (spec 06, run): a health check at every interval, what was used since the one before,
 * and the end of an extension that is not well. Each run of an extension is judged by itself: what the version
 * before did, or this one before an operator enabled it again, is not held against it.
 */
export class Monitor {
  readonly #options: MonitorOptions;
  readonly #watched = new Map<ExtensionId, Watch>();
  readonly #underWay = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: MonitorOptions) {
    this.#options = options;
  }

  start(): void {
    const tick = Math.min(TICK_MS, this.#options.intervalMs ?? TICK_MS);
    this.#timer = setInterval(() => this.#tick(), tick).unref();
  }

  /** Waits for what is under way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopped = true;
    await Promise.all(this.#underWay);
  }

  /** What an extension has used of the components since its last check; `null` while it does not run. */
  sinceCheck(id: ExtensionId): Totals | null {
    const running = this.#options.parts.running.get(id);
    const watch = running && this.#watch(id, running);
    return watch === undefined ? null : difference(this.#options.used(id), watch.before.used);
  }

  /** Whether the last check of it on this host failed. */
  isUnhealthy(id: ExtensionId): boolean {
    const watch = this.#watched.get(id);
    return watch !== undefined && watch.running === this.#options.parts.running.get(id) && !watch.healthy;
  }

  /** Hears that an extension broke a limit: what it does too often does not wait for the next check. */
  broke(id: ExtensionId, { code }: MagError): void {
    const running = this.#options.parts.running.get(id);
    if (running === undefined || this.#stopped) return;
    const watch = this.#watch(id, running);
    const now = performance.now();
    if (!watch.verdict.broke(code, now)) return;
    const reason = watch.verdict.overBudget(now);
    if (reason !== null) this.#do(id, () => this.#options.unwell(id, reason));
  }

  #tick(): void {
    const { running } = this.#options.parts;
    for (const id of this.#watched.keys()) if (running.get(id) === undefined) this.#watched.delete(id);
    for (const id of running.ids()) {
      const now = running.get(id);
      if (now !== undefined) this.#look(id, this.#watch(id, now));
    }
  }

  #look(id: ExtensionId, watch: Watch): void {
    const now = performance.now();
    watch.verdict.counted(callsOf(watch), now);
    if (watch.isChecking) return;
    if (now >= watch.dueMs) this.#do(id, () => this.#check(id, watch));
    else if (now >= watch.judgeMs) this.#do(id, () => this.#judge(id, watch));
  }

  /** A process that was replaced or is new gets its first check an interval from now. */
  #watch(id: ExtensionId, running: Running): Watch {
    const known = this.#watched.get(id);
    if (known?.running === running) return known;
    const probes = { calls: 0, errors: 0 };
    const before = this.#read(id, { running, probes });
    const watch: Watch = {
      ...{ running, probes, before, verdict: new Verdict(), isChecking: false, healthy: true },
      dueMs: before.atMs + this.#intervalMs(running),
      judgeMs: before.atMs + JUDGED_EVERY_MS,
    };
    this.#watched.set(id, watch);
    return watch;
  }

  #intervalMs({ manifest }: Running): number {
    return this.#options.intervalMs ?? manifest.health.intervalSeconds * 1_000;
  }

  #do(id: ExtensionId, work: () => Promise<void>): void {
    const done = work()
      .catch((failure: unknown) => {
        const fields = { extension: id, reason: messageOf(failure) };
        this.#options.parts.logger.error(fields, 'an extension could not be looked after');
      })
      .finally(() => this.#underWay.delete(done));
    this.#underWay.add(done);
  }

  async #check(id: ExtensionId, watch: Watch): Promise<void> {
    watch.isChecking = true;
    try {
      await this.#checkOnce(id, watch);
    } finally {
      watch.dueMs = performance.now() + this.#intervalMs(watch.running);
      watch.isChecking = false;
    }
  }

  async #checkOnce(id: ExtensionId, watch: Watch): Promise<void> {
    const { parts } = this.#options;
    const { manifest } = watch.running;
    const detail = await checkHealth(counting(watch), manifest).then(
      () => null,
      (failure: unknown): Json => ({ detail: messageOf(failure) }),
    );
    if (parts.running.get(id) !== watch.running) return; // it was stopped or replaced meanwhile
    watch.healthy = detail === null;
    watch.verdict.checked(watch.healthy);
    await parts.stores.health.record(this.#sample(id, watch, detail));
    if (detail !== null) {
      const what = { check: 'periodic', detail: JSON.stringify(detail) };
      const { version } = manifest;
      await announce(parts, 'extension.health_check.failed', { extension: id, version, ...what });
    }
    await this.#judge(id, watch);
  }

  /** Budgets too: whoever was told of the last one may not have been able to see to it then. */
  async #judge(id: ExtensionId, watch: Watch): Promise<void> {
    const now = performance.now();
    watch.judgeMs = now + JUDGED_EVERY_MS;
    const reason = watch.verdict.overBudget(now) ?? watch.verdict.failing;
    const isCurrent = this.#options.parts.running.get(id) === watch.running;
    if (reason !== null && isCurrent) await this.#options.unwell(id, reason);
  }

  #read(id: ExtensionId, watch: Pick<Watch, 'running' | 'probes'>): Reading {
    const { stats } = watch.running.process;
    return { ...stats, ...callsOf(watch), atMs: performance.now(), used: this.#options.used(id) };
  }

  #sample(extension: ExtensionId, watch: Watch, detail: Json): HealthSample {
    const { before } = watch;
    const now = this.#read(extension, watch);
    watch.before = now;
    const wallMs = Math.max(1, now.atMs - before.atMs);
    const cpuMs = now.cpuMs - before.cpuMs;
    return {
      extension,
      at: this.#options.parts.clock.now(),
      healthy: detail === null,
      detail,
      calls: now.calls - before.calls,
      errors: now.errors - before.errors,
      cpuMs,
      cpuShare: cpuMs / wallMs,
      eventLoopShare: (now.hostMs - before.hostMs) / wallMs,
      heapBytes: now.heapBytes,
      restarts: now.restarts - before.restarts,
      refused: difference(now.refused, before.refused),
      used: difference(now.used, before.used),
    };
  }
}

/** Calls of others than the health check, and how many of them failed. */
function callsOf({ running, probes }: Pick<Watch, 'running' | 'probes'>): { calls: number; errors: number } {
  const { calls, errors } = running.process.stats;
  return { calls: calls - probes.calls, errors: errors - probes.errors };
}

/** Calls into the process and counts them as probes. */
function counting({ running: { process }, probes }: Watch): Pick<ExtensionProcess, 'invoke'> {
  return {
    async invoke(...call) {
      probes.calls += 1;
      try {
        return await process.invoke(...call);
      } catch (failure) {
        probes.errors += 1;
        throw failure;
      }
    },
  };
}

/** What was added to each number; those that stayed are left out. */
function difference(now: Totals, before: Totals): Totals {
  const added = Object.entries(now).map(([name, total]) => [name, total - (before[name] ?? 0)] as const);
  return Object.fromEntries(added.filter(([, more]) => more !== 0));
}
