import { AsyncParallelHook } from 'tapable';
import type { Json } from '../../manifests/json.ts';
import type { CollectPoint, Contributed, FireOptions } from './hook-point.ts';
import { checkOf, type Firing, type Tap, TappedPoint } from './tapped-point.ts';

type Answers = (Contributed<Json> | undefined)[];
type Hook = AsyncParallelHook<[Json, Firing, Answers]>;

/** Asks all taps at once and keeps what each answers, in their order. */
export class LiveCollectPoint extends TappedPoint<Hook> implements CollectPoint {
  readonly #checked = checkOf(this.row.result ?? true);

  async collect(value: Json, options: FireOptions): Promise<Contributed<Json>[]> {
    const answers: Answers = [];
    await this.hook.promise(value, this.firing(options), answers);
    return answers.filter((answer) => answer !== undefined);
  }

  protected build(taps: readonly Tap[]): Hook {
    const hook: Hook = new AsyncParallelHook(['value', 'firing', 'answers']);
    for (const [place, tap] of taps.entries()) {
      hook.tapPromise(tap.extension, async (value, firing, answers) => {
        answers[place] = await this.#answerOf(tap, value, firing);
      });
    }
    return hook;
  }

  /** Who fails, is late or answers nonsense contributes nothing. */
  async #answerOf(tap: Tap, value: Json, firing: Firing): Promise<Contributed<Json> | undefined> {
    if (!tap.covers(firing.resource)) return undefined;
    try {
      return { extension: tap.extension, value: this.#checked(await this.call(tap, value, firing)) };
    } catch (failure) {
      this.skipped(tap, firing, failure);
      return undefined;
    }
  }
}
