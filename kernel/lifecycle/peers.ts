import { setTimeout as sleep } from 'node:timers/promises';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import { MagError, messageOf } from '../errors.ts';
import type { HostRow, HostRun, HostStore, Logger } from '../ports.ts';

/** How often a host says that it is there, and looks whether the others are. */
const BEAT_MS = 2_000;
/** A host that was silent for so long, while this one looked all the time, is taken over from. */
const LEASE_MS = 15_000;
/** A look this late means that this host itself was away: what it noted of the others is worth nothing. */
const LATE_MS = 6_000;
/** How long an operation waits until the other hosts have followed it. */
const FOLLOW_MS = 30_000;
const FOLLOW_LOOK_MS = 50;

export interface PeersOptions {
  readonly hosts: HostStore;
  readonly logger: Logger;
  /** What this host has reached and runs. */
  readonly report: () => { revision: number; runs: readonly HostRun[] };
  /** Another host took over from this one. */
  readonly onFenced: (error: MagError) => void;
  /** Every beat, after the rest. */
  readonly onBeat: () => Promise<void>;
}

interface Sign {
  readonly beat: number;
  readonly sinceMs: number;
}

/**
 * The other hosts on the same storage (spec 01): says that this one is there, and takes over from one that is
 * silent. Silence is measured by the clock of this host only, and only while it could look.
 */
export class Peers {
  readonly #options: PeersOptions;
  readonly #signs = new Map<string, Sign>();
  #lastLookMs = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> = Promise.resolve();
  #reporting: Promise<void> = Promise.resolve();

  constructor(options: PeersOptions) {
    this.#options = options;
  }

  /** @throws `E_FENCED`, `E_STORAGE` */
  async start(): Promise<void> {
    await this.announce();
    this.#timer = setInterval(() => {
      this.#round = this.#round.then(() => this.#beat());
    }, BEAT_MS).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#round;
  }

  /** Tells the others what this host has reached, one report after the other. */
  announce(): Promise<void> {
    const { hosts, report } = this.#options;
    this.#reporting = this.#reporting.catch(() => {}).then(() => hosts.report(report()));
    return this.#reporting;
  }

  /** Whether another host that is there runs the extension. */
  async othersRun(id: ExtensionId): Promise<boolean> {
    const others = await this.#others();
    return others.some(({ runs }) => runs.some((run) => run.extension === id && run.state === 'running'));
  }

  /**
   * Waits until every other host has reached the desired state of now.
   * @returns who has not, in words; `undefined` when all have
   */
  async followed(waitMs = FOLLOW_MS): Promise<string | undefined> {
    const { hosts } = this.#options;
    const revision = await hosts.revision();
    const behind = async () => (await this.#others()).filter((host) => host.revision < revision);
    for (const deadline = performance.now() + waitMs; ; await sleep(FOLLOW_LOOK_MS)) {
      const late = await behind();
      if (late.length === 0) return undefined;
      if (performance.now() > deadline)
        return `${late.map(({ address }) => address).join(', ')} did not follow in time`;
    }
  }

  async #others(): Promise<HostRow[]> {
    const { hosts } = this.#options;
    return (await hosts.list()).filter(({ id, fencedAt }) => id !== hosts.id && fencedAt === null);
  }

  async #beat(): Promise<void> {
    const { onBeat, onFenced, logger } = this.#options;
    try {
      await this.announce();
      await this.#lookAround();
      await onBeat();
    } catch (failure) {
      if (failure instanceof MagError && failure.code === 'E_FENCED') onFenced(failure);
      else logger.warn({ reason: messageOf(failure) }, 'this host cannot see what the others do');
    }
  }

  async #lookAround(): Promise<void> {
    const now = performance.now();
    if (now - this.#lastLookMs > LATE_MS) this.#signs.clear();
    this.#lastLookMs = now;
    const others = await this.#others();
    for (const id of this.#signs.keys()) if (!others.some((host) => host.id === id)) this.#signs.delete(id);
    for (const host of others) await this.#judge(host, now);
  }

  async #judge(host: HostRow, now: number): Promise<void> {
    const { hosts, logger } = this.#options;
    const sign = this.#signs.get(host.id);
    if (sign?.beat !== host.beat) {
      this.#signs.set(host.id, { beat: host.beat, sinceMs: now });
    } else if (now - sign.sinceMs >= LEASE_MS) {
      if (!(await hosts.fence(host.id, host.beat))) return;
      logger.warn({ host: host.id, address: host.address }, 'took over from a host that fell silent');
    }
  }
}
