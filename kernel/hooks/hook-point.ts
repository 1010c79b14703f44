import type { HOOKS, HookKind, HookName } from '../../manifests/catalog/index.ts';
import type { Json } from '../../manifests/json.ts';
import type { Contributions, ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { RequestContext } from '../../manifests/protocol/frames.ts';

/** What a component says of one firing beside the value. */
export interface FireOptions {
  /** On whose behalf; `null`: nobody's. */
  readonly request: RequestContext | null;
  /** What taps with a scoped grant are matched against: `{ paths: '/x/acme/hello/greet' }`. */
  readonly resource?: Readonly<Record<string, string>>;
}

/** A hook point as the component that fires it sees it. */
interface Point {
  readonly name: HookName;
  /** False: nobody taps it, and firing it would do nothing. One property read. */
  isUsed(): boolean;
}

export interface TransformPoint extends Point {
  /**
   * Resolves with the value as its taps left it; a tap that fails is skipped.
   * @throws `E_VETO` where the catalogue says that a tap may veto, `E_EXTENSION` where it fails closed
   */
  fire(value: Json, options: FireOptions): Promise<Json>;
  isTappedBy(extension: ExtensionId): boolean;
  /** Called after an extension came, went or was replaced by another version of it. */
  onChange(listener: () => void): void;
}

export interface GuardPoint extends Point {
  /** Resolves when no tap is against it. @throws `E_VETO` with the extension and its own code in `blame` */
  ask(value: Json, options: FireOptions): Promise<void>;
}

export interface ObservePoint extends Point {
  /** Tells all taps, and waits for none. Never throws. */
  tell(value: Json, options: FireOptions): void;
}

export interface CollectPoint extends Point {
  /** What each tap had to say, lowest order first; who failed is left out. Never rejects. */
  collect(value: Json, options: FireOptions): Promise<Contributed<Json>[]>;
}

/** What extensions declare in their manifest, for as long as they are enabled. */
export interface RegisterPoint<Kind extends ContributionKind = ContributionKind> extends Point {
  list(): readonly Contributed<ContributionOf<Kind>>[];
  /** Called after the answer of `list()` changed. */
  onChange(listener: () => void): void;
}

export interface Contributed<Value> {
  readonly extension: ExtensionId;
  readonly value: Value;
}

/** A member of `contributes` that is a list of declarations. */
export type ContributionKind = {
  [Kind in keyof Contributions]: Contributions[Kind] extends readonly unknown[] ? Kind : never;
}[keyof Contributions];
export type ContributionOf<Kind extends ContributionKind> = Contributions[Kind][number];

type Row<Name extends HookName> = (typeof HOOKS)[Name];
type KindOf<Name extends HookName> = Row<Name>['kind'];

/** The point of a hook, by its kind. */
export type PointOf<Name extends HookName> =
  KindOf<Name> extends 'register'
    ? RegisterPoint<
        Row<Name> extends { readonly contribution: infer Kind extends ContributionKind } ? Kind : never
      >
    : PointsByKind[KindOf<Name>];

export interface PointsByKind extends Readonly<Record<HookKind, Point>> {
  readonly guard: GuardPoint;
  readonly transform: TransformPoint;
  readonly observe: ObservePoint;
  readonly collect: CollectPoint;
  readonly register: RegisterPoint;
}
