import type { CapabilityName, ComponentId, HookName } from '../manifests/catalog/index.ts';
import type { Json } from '../manifests/json.ts';
import type { ExtensionId, Manifest } from '../manifests/manifest/manifest.ts';
import type { Decision, Demand } from './capability/gate.ts';
import type { PointOf } from './hooks/hook-point.ts';
import type { Caller } from './ports.ts';

/**
 * What a component implements to take part (spec 04). An adapter translates between its component and the
 * kernel and does nothing else: no business logic, no second policy, no knowledge of another adapter.
 */
export interface ComponentAdapter {
  readonly component: ComponentId;
  /** Tells the kernel which hook points of the catalogue this component fires, and keeps them. */
  registerHooks(kernel: HookRegistrar): void;
  /**
   * What a host call of this component demands of its caller beyond its row in the call table, read from its
   * parameters: the tables a statement touches, say. Each demand is put to the gate before `executeHook`.
   * `declared` are the capabilities of the caller's manifest, for where either of two would do.
   * @throws a MagError when the parameters are nothing this component would ever execute
   */
  demands(
    hook: string,
    params: Json,
    extension: ExtensionId,
    declared?: ReadonlySet<string>,
  ): readonly Demand[] | Promise<readonly Demand[]>;
  /** Kernel to component: does what the extension asked for. The gate has allowed it. */
  executeHook(hook: string, context: HookContext): Promise<Json>;
  /** Component-specific refinement, asked when an operator grants and again at every use, after the gate. */
  validateCapability(extension: ExtensionId, capability: CapabilityName): Decision;
  /** Component to bus. */
  emitEvent(event: ComponentEvent): Promise<void>;
  /**
   * What an extension has used of this component since the host started: totals that only grow, by names no
   * other component uses. Shown to operators and kept with every health check; nothing is decided by it here.
   */
  usage?(extension: ExtensionId): Readonly<Record<string, number>>;
  /** What an operator still has to provide before all of this manifest can work here, one sentence each. */
  lacks?(manifest: Manifest): Promise<readonly string[]>;
  /** The extension was uninstalled: what is kept for it goes. Idempotent. `purge`: what operators gave it, too. */
  forget?(extension: ExtensionId, options: { readonly purge: boolean }): Promise<void>;
}

/** What the kernel hands an adapter to register with. */
export interface HookRegistrar {
  /** @throws if the catalogue has no such hook of this component, or it is registered already */
  register<Name extends HookName>(component: ComponentId, hook: Name): PointOf<Name>;
  publish(component: ComponentId, event: ComponentEvent): Promise<void>;
  /** False: an event of this type would not be written, because there are many and nobody subscribes to them. */
  isHeard(type: string): boolean;
}

export interface HookContext {
  readonly caller: Caller;
  readonly params: Json;
}

export interface ComponentEvent {
  readonly type: string;
  readonly data: Json;
  readonly context?: Readonly<Record<string, string | null>>;
}
