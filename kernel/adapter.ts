import type { CapabilityName, HookName } from '../manifests/catalog/index.ts';
import type { Json } from '../manifests/json.ts';
import type { ExtensionId } from '../manifests/manifest/manifest.ts';
import type { Decision, Demand } from './capability/gate.ts';
import type { HookPoint } from './hooks/hook-point.ts';
import type { Caller } from './ports.ts';

export type ComponentId =
  | 'magds'
  | 'magui'
  | 'magcli'
  | 'maggate'
  | 'magws'
  | 'magauth'
  | 'network'
  | 'files';

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
}

/** What the kernel hands an adapter to register with. */
export interface HookRegistrar {
  /** @throws if the catalogue has no such hook of this component, or it is registered already */
  register(component: ComponentId, hook: HookName): HookPoint;
  publish(component: ComponentId, event: ComponentEvent): Promise<void>;
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
