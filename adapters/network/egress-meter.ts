import { MagError } from '../../kernel/errors.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';

const WINDOW_SECONDS = 60;

/** Bytes since the host started. What was about to be sent counts, whether it arrived or not. */
export interface Egress {
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** Counts what each extension sends and receives: in all, and in the last sixty seconds, to the second. */
export class EgressMeter {
  readonly #totals = new Map<ExtensionId, Egress>();
  readonly #windows = new Map<ExtensionId, Map<number, number>>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /**
   * Counts bytes that are about to be sent or were received. What is refused is counted too when it was
   * received: it came over the wire.
   * @throws `E_LIMIT_EGRESS` when they do not fit
   */
  spend(extension: ExtensionId, bytes: number, limitKb: number, direction: 'in' | 'out'): void {
    const second = Math.floor(this.#nowMs() / 1_000);
    const window = this.#window(extension, second);
    const fits = sum(window) + bytes <= limitKb * 1_024;
    if (fits || direction === 'in') {
      window.set(second, (window.get(second) ?? 0) + bytes);
      this.#add(extension, bytes, direction);
    }
    if (fits) return;
    throw new MagError('E_LIMIT_EGRESS', `More than ${limitKb} KiB over the network in a minute.`);
  }

  total(extension: ExtensionId): Egress {
    return this.#totals.get(extension) ?? { sentBytes: 0, receivedBytes: 0 };
  }

  #add(extension: ExtensionId, bytes: number, direction: 'in' | 'out'): void {
    const { sentBytes, receivedBytes } = this.total(extension);
    const total =
      direction === 'out'
        ? { sentBytes: sentBytes + bytes, receivedBytes }
        : { sentBytes, receivedBytes: receivedBytes + bytes };
    this.#totals.set(extension, total);
  }

  #window(extension: ExtensionId, second: number): Map<number, number> {
    const window = this.#windows.get(extension) ?? new Map<number, number>();
    this.#windows.set(extension, window);
    for (const past of window.keys()) {
      if (past > second - WINDOW_SECONDS) break; // seconds are in the order they came
      window.delete(past);
    }
    return window;
  }
}

function sum(window: ReadonlyMap<number, number>): number {
  let bytes = 0;
  for (const part of window.values()) bytes += part;
  return bytes;
}
