import { type HookName, type HookRow, hookRow, isHook } from '../../manifests/catalog/index.ts';
import type { ExtensionId, Manifest } from '../../manifests/manifest/manifest.ts';
import { MagError } from '../errors.ts';
import type { Logger } from '../ports.ts';
import { LiveCollectPoint } from './collect-point.ts';
import { LiveGuardPoint } from './guard-point.ts';
import type { ContributionKind, PointOf } from './hook-point.ts';
import { LiveObservePoint } from './observe-point.ts';
import { LiveRegisterPoint } from './register-point.ts';
import type { Tap, TappedPoint } from './tapped-point.ts';
import { LiveTransformPoint } from './transform-point.ts';

const TAPPED = {
  guard: LiveGuardPoint,
  transform: LiveTransformPoint,
  observe: LiveObservePoint,
  collect: LiveCollectPoint,
} as const;

/** All hook points of this host. Taps and declarations come and go with extensions; the points stay. */
export class HookPoints {
  readonly #tapped = new Map<HookName, TappedPoint>();
  readonly #declared = new Map<HookName, LiveRegisterPoint<ContributionKind>>();
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** @throws `E_INTERNAL` when the catalogue has no such hook of the component, or it is registered twice */
  register<Name extends HookName>(component: string, name: Name): PointOf<Name> {
    const isTaken = this.#tapped.has(name) || this.#declared.has(name);
    if (!isHook(name) || hookRow(name).component !== component || isTaken) {
      throw new MagError('E_INTERNAL', `hook ${name} cannot be registered by ${component}`);
    }
    return this.#create(name, hookRow(name)) as unknown as PointOf<Name>; // the row says the kind of both
  }

  /** Sets all taps of an extension in one step; an empty map removes it. */
  tap(extension: ExtensionId, taps: ReadonlyMap<string, Tap>): void {
    for (const [name, point] of this.#tapped) point.replace(extension, taps.get(name) ?? null);
  }

  /**
   * Removes the taps of an extension that does not run. At points that fail closed it fails from now on instead, until
   * it is `opened` or taps again: whoever brought it down must not be let in by that.
   */
  close({ id, version, contributes }: Pick<Manifest, 'id' | 'version' | 'contributes'>): void {
    for (const [name, point] of this.#tapped) {
      const declared = contributes.hooks.find(({ hook }) => hook === name);
      const stays = point.failsClosed && declared !== undefined;
      point.replace(id, stays ? silentTap(id, version, declared.order) : null);
    }
  }

  /** An operator does without it: nothing waits for it any more. */
  open(extension: ExtensionId): void {
    this.tap(extension, new Map());
  }

  /** Whether something fails while the extension is not there. */
  isNeeded(extension: ExtensionId): boolean {
    return [...this.#tapped.values()].some((point) => point.failsClosed && point.isTappedBy(extension));
  }

  /** What the manifest declares holds from now on. */
  declare(manifest: Manifest): void {
    for (const point of this.#declared.values()) point.declare(manifest);
  }

  withdraw(id: ExtensionId): void {
    for (const point of this.#declared.values()) point.withdraw(id);
  }

  #create(name: HookName, row: HookRow): object {
    if (row.kind === 'register') {
      const point = new LiveRegisterPoint(name, row.contribution);
      this.#declared.set(name, point);
      return point;
    }
    const point = new TAPPED[row.kind](name, row, this.#logger);
    this.#tapped.set(name, point);
    return point;
  }
}

function silentTap(extension: ExtensionId, version: string, order: number): Tap {
  const call = () => Promise.reject(new MagError('E_NOT_ENABLED', `${extension} does not run`));
  return { extension, version, order, covers: () => true, call };
}
