import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { AsyncSeriesWaterfallHook } from 'tapable';
import { type HookName, type HookRow, hookRow, isHook } from '../../manifests/catalog/index.ts';
import type { Json } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { RequestContext } from '../../manifests/protocol/frames.ts';
import { codeOf, MagError, messageOf } from '../errors.ts';
import type { Logger } from '../ports.ts';
import type { HookPoint } from './hook-point.ts';

type Resource = Readonly<Record<string, string>>;

/** What one firing hands to each tap. */
interface Firing {
  readonly request: RequestContext | null;
  readonly resource: Resource | undefined;
  /** When the time all taps share is over, in `performance.now()` milliseconds. */
  readonly endsAt: number;
}

/** An extension's handler at a hook point. */
export interface Tap {
  readonly extension: ExtensionId;
  readonly order: number;
  /** Whether the grant of the extension covers this firing. */
  readonly covers: (resource: Resource | undefined) => boolean;
  readonly call: (value: Json, request: RequestContext | null, deadlineMs: number) => Promise<Json>;
}

/** All hook points of this host. Taps come and go with extensions; the points stay. */
export class HookPoints {
  readonly #points = new Map<HookName, LiveHookPoint>();
  readonly #logger: Logger;
  readonly #ajv = new Ajv2020({ strict: true });

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** @throws `E_INTERNAL` when the catalogue has no such hook of the component, or it is registered twice */
  register(component: string, name: HookName): HookPoint {
    if (!isHook(name) || hookRow(name).component !== component || this.#points.has(name)) {
      throw new MagError('E_INTERNAL', `hook ${name} cannot be registered by ${component}`);
    }
    const row = hookRow(name);
    const point = new LiveHookPoint(name, row, this.#ajv.compile(row.payload), this.#logger);
    this.#points.set(name, point);
    return point;
  }

  /** Sets all taps of an extension in one step; an empty map removes it. */
  tap(extension: ExtensionId, taps: ReadonlyMap<string, Tap>): void {
    for (const [name, point] of this.#points) point.replace(extension, taps.get(name) ?? null);
  }
}

/** A transform point: each tap receives the value and returns it changed, lowest order first. */
class LiveHookPoint implements HookPoint {
  readonly name: HookName;
  readonly #budgetMs: number;
  readonly #valid: ValidateFunction;
  readonly #logger: Logger;
  #taps: readonly Tap[] = [];
  #hook = new AsyncSeriesWaterfallHook<[Json, Firing]>(['value', 'firing']);

  constructor(name: HookName, row: HookRow, valid: ValidateFunction, logger: Logger) {
    this.name = name;
    this.#budgetMs = row.budgetMs;
    this.#valid = valid;
    this.#logger = logger;
  }

  isUsed(): boolean {
    return this.#hook.isUsed();
  }

  async fire(value: Json, options: { request: RequestContext | null; resource?: Resource }): Promise<Json> {
    return this.#hook.promise(value, {
      request: options.request,
      resource: options.resource,
      endsAt: performance.now() + this.#budgetMs,
    });
  }

  /** tapable has no way to remove a tap, so a change builds the hook anew and swaps it in. */
  replace(extension: ExtensionId, tap: Tap | null): void {
    const others = this.#taps.filter((existing) => existing.extension !== extension);
    this.#taps = tap === null ? others : [...others, tap].sort(byOrder);
    const hook = new AsyncSeriesWaterfallHook<[Json, Firing]>(['value', 'firing']);
    for (const each of this.#taps) {
      hook.tapPromise(each.extension, (value, firing) => this.#transform(each, value, firing));
    }
    this.#hook = hook;
  }

  /** A tap that fails, is late or answers nonsense is skipped: the value passes on as it was. */
  async #transform(tap: Tap, value: Json, firing: Firing): Promise<Json> {
    if (!tap.covers(firing.resource)) return value;
    try {
      const leftMs = Math.floor(firing.endsAt - performance.now());
      if (leftMs <= 0)
        throw new MagError('E_LIMIT_WALL', 'the taps before it used up the budget of the hook');
      const changed = await tap.call(value, firing.request, leftMs);
      if (this.#valid(changed)) return changed;
      throw new MagError('E_EXTENSION', 'it returned a value that does not match the schema of the hook');
    } catch (failure) {
      this.#logger.warn(
        { extension: tap.extension, hook: this.name, code: codeOf(failure), reason: messageOf(failure) },
        'a tap was skipped',
      );
      return value;
    }
  }
}

function byOrder(a: Tap, b: Tap): number {
  return a.order - b.order || (a.extension < b.extension ? -1 : 1);
}
