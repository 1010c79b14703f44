import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { messageOf } from '../errors.ts';
import { type Revocable, type Revocation, revoked } from '../trust/revoked.ts';
import type { Parts } from './parts.ts';

/** How often what runs is held against the revocation lists: they may have come in at another host. */
const SWEEP_MS = 30_000;

type Found = (Revocable & { readonly revocation: Revocation }) | null;

export interface Trouble {
  readonly name: string;
  readonly detail: string;
}

/**
 * Stops what a revocation list takes back (spec 02): quarantines it, which the other hosts follow. What does not run
 * is refused where it would be started, by its verification.
 */
export class RevocationWatch {
  readonly #parts: Parts;
  #troubles: readonly Trouble[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<unknown> = Promise.resolve();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** What is wrong with the lists, as the last sweep found it. */
  get troubles(): readonly Trouble[] {
    return this.#troubles;
  }

  /** Sweeps once, and then again and again. */
  async start(): Promise<void> {
    await this.#sweepOrSay();
    this.#timer = setInterval(() => void this.#sweepOrSay(), SWEEP_MS).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sweeping;
  }

  /**
   * Looks at everything that is to run, one sweep after the other.
   * @returns what it quarantined
   */
  sweep(): Promise<ExtensionId[]> {
    const done = this.#sweeping.then(() => this.#sweepOnce());
    this.#sweeping = done.catch(() => undefined);
    return done;
  }

  async #sweepOrSay(): Promise<void> {
    await this.sweep().catch((failure: unknown) =>
      this.#note([{ name: 'revocations', detail: `the lists cannot be read: ${messageOf(failure)}` }]),
    );
  }

  async #sweepOnce(): Promise<ExtensionId[]> {
    const { registry } = this.#parts;
    const { lists, of } = await registry.revocations();
    this.#note(
      lists.flatMap(({ list, trouble }) =>
        trouble === null
          ? []
          : [
              {
                name: `revocations: ${list.issuer}`,
                detail: `list ${list.number} goes on revoking, but ${trouble}`,
              },
            ],
      ),
    );
    if (lists.length === 0) return [];
    const stopped: ExtensionId[] = [];
    for (const record of await registry.records()) {
      if (record.state === 'enabled' && (await this.#look(record.id, () => of(record.digest))))
        stopped.push(record.id);
    }
    return stopped;
  }

  /** One that cannot be looked at keeps nobody from looking at the others. */
  async #look(id: ExtensionId, ask: () => Promise<Found>): Promise<boolean> {
    const { quarantine, logger } = this.#parts;
    try {
      const found = await ask();
      if (found === null) return false;
      await quarantine(id, revoked(found, found.revocation));
      return true;
    } catch (failure) {
      const fields = { extension: id, reason: messageOf(failure) };
      logger.error(fields, 'it could not be held against the revocation lists');
      return false;
    }
  }

  #note(troubles: readonly Trouble[]): void {
    const known = new Set(this.#troubles.map(({ detail }) => detail));
    for (const trouble of troubles)
      if (!known.has(trouble.detail))
        this.#parts.logger.warn({ ...trouble }, 'a revocation list needs an operator');
    this.#troubles = troubles;
  }
}
