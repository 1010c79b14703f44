import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { Repeats, WINDOW_MS } from '../audit/repeats.ts';
import { MagError } from '../errors.ts';
import type { Audit } from '../operator.ts';
import type { Caller, Clock } from '../ports.ts';
import type { Denial, DenialCode } from './gate.ts';

/** Calls outside its scope that an extension may try in a window before it is quarantined (spec 03). */
const OUT_OF_SCOPE_LIMIT = 5;

/** How often an extension was refused something with one code. */
export interface Denied {
  readonly extension: ExtensionId;
  readonly code: DenialCode;
  readonly count: number;
}

/** Puts denials on record (spec 03), counts the tries outside a scope, and ends whoever goes too far. */
export class Denials {
  readonly #clock: Clock;
  readonly #repeats: Repeats;
  readonly #outOfScope = new Map<string, number[]>();
  readonly #counts = new Map<ExtensionId, Map<DenialCode, number>>();

  constructor(audit: Audit, clock: Clock) {
    this.#clock = clock;
    this.#repeats = new Repeats(audit, clock);
  }

  /**
   * What a denial leads to (spec 03): undeclared ends the extension, five tries outside its scope do too.
   * @throws the denial, once all of that is on record
   */
  async refuse(
    caller: Pick<Caller, 'extension' | 'chain'>,
    denial: Denial,
    call: string,
    quarantine: (id: ExtensionId, error: MagError) => Promise<void>,
  ): Promise<never> {
    const { extension } = caller;
    const error = new MagError(denial.code, denial.detail, { blame: { extension, call } });
    this.count(extension, denial.code);
    const isOver = denial.code === 'E_CAP_UNDECLARED' || (await this.record(caller, denial, call)).quarantine;
    if (isOver) await quarantine(extension, error);
    throw error;
  }

  /** Counts a denial, on record or not: one that ends the extension is recorded as its quarantine. */
  count(extension: ExtensionId, code: DenialCode): void {
    const counts = this.#counts.get(extension) ?? new Map<DenialCode, number>();
    this.#counts.set(extension, counts.set(code, (counts.get(code) ?? 0) + 1));
  }

  /** Since the host started. */
  counts(): readonly Denied[] {
    return [...this.#counts].flatMap(([extension, counts]) =>
      [...counts].map(([code, count]) => ({ extension, code, count })),
    );
  }

  /** Counts no more of an extension that is uninstalled: one that is installed anew has tried nothing yet. */
  forget(extension: ExtensionId): void {
    this.#counts.delete(extension);
    this.#outOfScope.delete(extension);
  }

  /** Records a denial. Resolves with whether the extension must be quarantined for repeating it. */
  async record(
    { extension, chain }: Pick<Caller, 'extension' | 'chain'>,
    denial: Denial,
    call: string,
  ): Promise<{ quarantine: boolean }> {
    const { code, capability, detail } = denial;
    const by = chain.length === 0 ? {} : { chain: [...chain, extension] };
    await this.#repeats.record(`${chain} ${extension} ${code} ${capability} ${call}`, {
      principal: `extension:${extension}`,
      tenant: 't_system',
      action: 'capability.denied',
      target: capability,
      outcome: 'refused',
      detail: { code, call, detail, ...by },
    });
    return { quarantine: code === 'E_CAP_SCOPE' && this.#tooOftenOutside(extension) };
  }

  /** Writes the counts of windows that are over, or of all of them. */
  flush(options: { all: boolean }): Promise<void> {
    return this.#repeats.flush(options);
  }

  #tooOftenOutside(extension: string): boolean {
    const now = this.#clock.now().getTime();
    const recent = (this.#outOfScope.get(extension) ?? []).filter((at) => now - at < WINDOW_MS);
    recent.push(now);
    this.#outOfScope.set(extension, recent);
    if (recent.length < OUT_OF_SCOPE_LIMIT) return false;
    this.#outOfScope.delete(extension);
    return true;
  }
}
