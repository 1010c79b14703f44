import { AsyncSeriesBailHook } from 'tapable';
import type { Json } from '../../manifests/json.ts';
import type { MagError } from '../errors.ts';
import type { FireOptions, GuardPoint } from './hook-point.ts';
import { type Firing, type Tap, TappedPoint } from './tapped-point.ts';
import { reasonOf, vetoBy } from './veto.ts';

type Hook = AsyncSeriesBailHook<[Json, Firing], MagError | undefined>;

/** Asks each tap, lowest order first, until one is against it. Who does not answer counts as against it. */
export class LiveGuardPoint extends TappedPoint<Hook> implements GuardPoint {
  async ask(value: Json, options: FireOptions): Promise<void> {
    const veto = await this.hook.promise(value, this.firing(options));
    if (veto !== undefined) throw veto;
  }

  protected build(taps: readonly Tap[]): Hook {
    const hook: Hook = new AsyncSeriesBailHook(['value', 'firing']);
    for (const tap of taps) {
      hook.tapPromise(tap.extension, (value, firing) => this.#vetoOf(tap, value, firing));
    }
    return hook;
  }

  /** It is against it by throwing; what it returns says nothing. */
  async #vetoOf(tap: Tap, value: Json, firing: Firing): Promise<MagError | undefined> {
    if (!tap.covers(firing.resource)) return undefined;
    try {
      await this.call(tap, value, firing);
    } catch (failure) {
      if (this.row.failsOpen !== true || reasonOf(failure) !== null)
        return vetoBy(this.blameOf(tap, firing), failure);
      this.skipped(tap, firing, failure);
    }
    return undefined;
  }
}
