import type { Code } from '../../manifests/catalog/index.ts';
import { MagError } from '../errors.ts';
import type { CellStats } from './cell.ts';
import { HostTime } from './host-time.ts';

type Numbers = Pick<CellStats, 'hostCalls' | 'refused' | 'droppedLogs' | 'hostMs'>;

/** A cell may claim what it likes; the numbers stay numbers. */
const MAX_CLAIM = 1_000_000;

/** What a call ends with that no guest and no host call says first. */
const HOST_LIMITS: ReadonlySet<Code> = new Set(['E_LIMIT_CPU', 'E_LIMIT_WALL', 'E_LIMIT_MEMORY']);

/** What an extension asked for, what it was refused and what it cost this host, over all its cells. */
export class Usage {
  readonly time = new HostTime();
  #hostCalls = 0;
  #droppedLogs = 0;
  readonly #refused = new Map<Code, number>();

  hostCall(): void {
    this.#hostCalls++;
  }

  /** Counts what a limit ended; other codes are no matter of limits. */
  ended(code: Code, count = 1): void {
    if (!code.startsWith('E_LIMIT_') && !code.endsWith('_QUOTA')) return;
    this.#refused.set(code, (this.#refused.get(code) ?? 0) + Math.min(count, MAX_CLAIM));
  }

  /** Counts a call that failed with a limit only the host can tell. */
  failed(error: unknown): void {
    if (error instanceof MagError && HOST_LIMITS.has(error.code)) this.ended(error.code);
  }

  logsDropped(count = 1): void {
    this.#droppedLogs += Math.min(count, MAX_CLAIM);
  }

  get numbers(): Numbers {
    const refused = Object.fromEntries(this.#refused);
    return { hostCalls: this.#hostCalls, droppedLogs: this.#droppedLogs, refused, hostMs: this.time.ms };
  }
}
