import type { Code } from '../../manifests/catalog/index.ts';
import type { CellStats } from './cell.ts';

type Numbers = Pick<CellStats, 'hostCalls' | 'refused' | 'droppedLogs'>;

/** A cell may claim what it likes; the numbers stay numbers. */
const MAX_CLAIM = 1_000_000;

/** What an extension asked for and what it was refused, over all its cells. */
export class Usage {
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

  logsDropped(count = 1): void {
    this.#droppedLogs += Math.min(count, MAX_CLAIM);
  }

  get numbers(): Numbers {
    const refused = Object.fromEntries(this.#refused);
    return { hostCalls: this.#hostCalls, droppedLogs: this.#droppedLogs, refused };
  }
}
