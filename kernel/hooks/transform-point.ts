import { AsyncSeriesWaterfallHook } from 'tapable';
import type { Json, JsonObject } from '../../manifests/json.ts';
import { codeOf, MagError } from '../errors.ts';
import type { FireOptions, TransformPoint } from './hook-point.ts';
import { checkOf, type Firing, type Tap, TappedPoint } from './tapped-point.ts';
import { vetoBy } from './veto.ts';

type Hook = AsyncSeriesWaterfallHook<[Json, Firing]>;

/** Each tap receives the value and returns it changed, lowest order first. */
export class LiveTransformPoint extends TappedPoint<Hook> implements TransformPoint {
  readonly #checked = checkOf(this.row.payload);

  async fire(value: Json, options: FireOptions): Promise<Json> {
    return this.hook.promise(value, this.firing(options));
  }

  protected build(taps: readonly Tap[]): Hook {
    const hook: Hook = new AsyncSeriesWaterfallHook(['value', 'firing']);
    for (const tap of taps) {
      hook.tapPromise(tap.extension, (value, firing) => this.#transform(tap, value, firing));
    }
    return hook;
  }

  /** A tap that fails, is late or answers nonsense is skipped: the value passes on as it was. Or all of it fails. */
  async #transform(tap: Tap, value: Json, firing: Firing): Promise<Json> {
    if (!tap.covers(firing.resource)) return value;
    try {
      return this.#kept(value, this.#checked(await this.call(tap, value, firing)));
    } catch (failure) {
      if (this.row.mayVeto === true) throw vetoBy(this.blameOf(tap, firing), failure);
      if (this.row.failsClosed === true) throw this.#failedBy(tap, firing, failure);
      this.skipped(tap, firing, failure);
      return value;
    }
  }

  #kept(before: Json, after: Json): Json {
    const { readOnly = [] } = this.row;
    if (readOnly.length === 0) return after;
    const was = before as JsonObject; // the schema of a hook with such members says so
    return {
      ...(after as JsonObject),
      ...Object.fromEntries(readOnly.map((name) => [name, was[name] ?? null])),
    };
  }

  #failedBy(tap: Tap, firing: Firing, failure: unknown): MagError {
    const why = codeOf(failure) ?? 'E_EXTENSION';
    return new MagError('E_EXTENSION', `${tap.extension} gave no answer at ${this.name} (${why}).`, {
      cause: failure,
      blame: this.blameOf(tap, firing),
    });
  }
}
