import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { Audit } from '../operator.ts';
import type { Clock } from '../ports.ts';
import type { Denial } from './gate.ts';

/** Repeats of one denial within this time become one record with a count. */
const WINDOW_MS = 60_000;
/** Calls outside its scope that an extension may try in a window before it is quarantined (spec 03). */
const OUT_OF_SCOPE_LIMIT = 5;

interface Window {
  readonly denial: Denial;
  readonly call: string;
  readonly startedMs: number;
  /** Denials not in the audit yet. */
  unrecorded: number;
}

/**
 * Puts denials on record: the first at once, repeats of it aggregated with a count and never dropped
 * (spec 03), and counts the tries outside a scope.
 */
export class Denials {
  readonly #audit: Audit;
  readonly #clock: Clock;
  readonly #windows = new Map<ExtensionId, Map<string, Window>>();
  readonly #outOfScope = new Map<ExtensionId, number[]>();

  constructor(audit: Audit, clock: Clock) {
    this.#audit = audit;
    this.#clock = clock;
  }

  /** Records a denial. Resolves with whether the extension must be quarantined for repeating it. */
  async record(extension: ExtensionId, denial: Denial, call: string): Promise<{ quarantine: boolean }> {
    const now = this.#clock.now().getTime();
    const windows = this.#windows.get(extension) ?? new Map<string, Window>();
    this.#windows.set(extension, windows);
    const key = `${denial.code} ${denial.capability} ${call}`;
    const open = windows.get(key);
    if (open !== undefined && now - open.startedMs < WINDOW_MS) {
      open.unrecorded += 1;
    } else {
      if (open !== undefined) await this.#write(extension, open);
      windows.set(key, { denial, call, startedMs: now, unrecorded: 0 });
      await this.#write(extension, { denial, call, startedMs: now, unrecorded: 1 });
    }
    return { quarantine: denial.code === 'E_CAP_SCOPE' && this.#tooOftenOutside(extension, now) };
  }

  /** Writes the counts of windows that are over, or of all of them. */
  async flush(options: { all: boolean }): Promise<void> {
    const now = this.#clock.now().getTime();
    for (const [extension, windows] of this.#windows) {
      for (const [key, window] of windows) {
        if (!options.all && now - window.startedMs < WINDOW_MS) continue;
        windows.delete(key);
        await this.#write(extension, window);
      }
      if (windows.size === 0) this.#windows.delete(extension);
    }
  }

  #tooOftenOutside(extension: ExtensionId, now: number): boolean {
    const recent = (this.#outOfScope.get(extension) ?? []).filter((at) => now - at < WINDOW_MS);
    recent.push(now);
    this.#outOfScope.set(extension, recent);
    if (recent.length < OUT_OF_SCOPE_LIMIT) return false;
    this.#outOfScope.delete(extension);
    return true;
  }

  async #write(extension: ExtensionId, window: Window): Promise<void> {
    if (window.unrecorded === 0) return;
    await this.#audit.record({
      principal: `extension:${extension}`,
      tenant: 't_system',
      action: 'capability.denied',
      target: window.denial.capability,
      outcome: 'refused',
      detail: {
        code: window.denial.code,
        call: window.call,
        detail: window.denial.detail,
        count: window.unrecorded,
      },
    });
  }
}
