import { AsyncParallelHook } from 'tapable';
import type { Json } from '../../manifests/json.ts';
import type { FireOptions, ObservePoint } from './hook-point.ts';
import { type Firing, type Tap, TappedPoint } from './tapped-point.ts';

type Hook = AsyncParallelHook<[Json, Firing]>;

/** Tells all taps at once; nobody waits for them. */
export class LiveObservePoint extends TappedPoint<Hook> implements ObservePoint {
  tell(value: Json, options: FireOptions): void {
    if (this.isUsed()) void this.hook.promise(value, this.firing(options)); // no tap rejects
  }

  protected build(taps: readonly Tap[]): Hook {
    const hook: Hook = new AsyncParallelHook(['value', 'firing']);
    for (const tap of taps) hook.tapPromise(tap.extension, (value, firing) => this.#tell(tap, value, firing));
    return hook;
  }

  async #tell(tap: Tap, value: Json, firing: Firing): Promise<void> {
    try {
      if (tap.covers(firing.resource)) await this.call(tap, value, firing);
    } catch (failure) {
      this.skipped(tap, firing, failure);
    }
  }
}
