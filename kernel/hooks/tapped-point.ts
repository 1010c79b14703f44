import type { HookName, TappedRow } from '../../manifests/catalog/index.ts';
import type { Json } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { RequestContext } from '../../manifests/protocol/frames.ts';
import { SchemaCompiler } from '../../manifests/schema-compiler.ts';
import { type Blame, codeOf, MagError, messageOf } from '../errors.ts';
import type { Logger } from '../ports.ts';
import type { FireOptions } from './hook-point.ts';
import { reasonOf } from './veto.ts';

/** An extension's handler at a hook point. */
export interface Tap {
  readonly extension: ExtensionId;
  readonly version: string;
  readonly order: number;
  /** Whether the grant of the extension covers this firing. */
  readonly covers: (resource: FireOptions['resource']) => boolean;
  readonly call: (value: Json, request: RequestContext | null, deadlineMs: number) => Promise<Json>;
}

/** One firing, as tapable hands it to each tap. */
export interface Firing extends FireOptions {
  /** When the time all taps share is over, in `performance.now()` milliseconds. */
  readonly endsAt: number;
}

/** What the points that call taps have in common: who taps them, and how one tap is called. */
export abstract class TappedPoint<Hook extends { isUsed(): boolean } = { isUsed(): boolean }> {
  readonly name: HookName;
  protected readonly row: TappedRow;
  protected hook: Hook;
  readonly #logger: Logger;
  #taps: readonly Tap[] = [];
  readonly #listeners: (() => void)[] = [];

  constructor(name: HookName, row: TappedRow, logger: Logger) {
    this.name = name;
    this.row = row;
    this.hook = this.build([]);
    this.#logger = logger;
  }

  isUsed(): boolean {
    return this.hook.isUsed();
  }

  /** Sets or removes the tap of an extension. */
  replace(extension: ExtensionId, tap: Tap | null): void {
    const others = this.#taps.filter((existing) => existing.extension !== extension);
    const existed = others.length < this.#taps.length;
    this.#taps = tap === null ? others : [...others, tap].sort(byOrder);
    this.hook = this.build(this.#taps);
    if (existed || tap !== null) for (const listener of this.#listeners) listener();
  }

  get failsClosed(): boolean {
    return this.row.failsClosed === true;
  }

  isTappedBy(extension: ExtensionId): boolean {
    return this.#taps.some((tap) => tap.extension === extension);
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** tapable has no way to remove a tap, so a change builds the hook anew and swaps it in. */
  protected abstract build(taps: readonly Tap[]): Hook;

  protected firing(options: FireOptions): Firing {
    return { ...options, endsAt: performance.now() + this.row.budgetMs };
  }

  protected async call(tap: Tap, value: Json, firing: Firing): Promise<Json> {
    const leftMs = Math.floor(firing.endsAt - performance.now());
    if (leftMs <= 0) throw new MagError('E_LIMIT_WALL', 'the taps before it used up the budget of the hook');
    return tap.call(value, firing.request, leftMs);
  }

  protected blameOf({ extension, version }: Tap, { request }: Firing): Blame {
    const call = request === null ? {} : { call: request.traceId };
    return { extension, version, hook: this.name, ...call };
  }

  protected skipped(tap: Tap, firing: Firing, failure: unknown): void {
    const { code, message } = reasonOf(failure) ?? { code: codeOf(failure), message: messageOf(failure) };
    this.#logger.warn({ ...this.blameOf(tap, firing), code, reason: message }, 'a tap was skipped');
  }
}

const schemas = new SchemaCompiler({ strict: true });

/** The check of what a tap returned. @throws `E_EXTENSION` */
export function checkOf(schema: TappedRow['payload']): (value: Json) => Json {
  const valid = schemas.later(schema);
  return (value) => {
    if (valid(value)) return value;
    throw new MagError('E_EXTENSION', 'it returned a value that does not match the schema of the hook');
  };
}

function byOrder(a: Tap, b: Tap): number {
  return a.order - b.order || (a.extension < b.extension ? -1 : 1);
}
