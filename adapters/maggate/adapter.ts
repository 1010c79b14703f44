import type { ComponentAdapter, HookRegistrar } from '../../kernel/adapter.ts';
import { ALLOW } from '../../kernel/capability/gate.ts';
import { MagError } from '../../kernel/errors.ts';
import type {
  GuardPoint,
  ObservePoint,
  RegisterPoint,
  TransformPoint,
} from '../../kernel/hooks/hook-point.ts';

/** The hook points the gateway fires. */
export interface MaggateHooks {
  readonly registerEndpoint: RegisterPoint<'endpoints'>;
  readonly addVersion: RegisterPoint<'versions'>;
  readonly wrapRequest: TransformPoint;
  readonly transformResponse: TransformPoint;
  readonly rbacResolver: GuardPoint;
  readonly rateLimitStrategy: GuardPoint;
  readonly usageAnalyticsEmitter: ObservePoint;
}

export interface MaggateAdapter extends ComponentAdapter {
  readonly component: 'maggate';
  /** The hook points, for the gateway. @throws `E_INTERNAL` before `registerHooks` */
  hooks(): MaggateHooks;
  /** False: nobody would get an event of this type. */
  isHeard(type: string): boolean;
}

/** The adapter between the gateway and the kernel. The gateway offers no host calls yet. */
export function createMaggateAdapter(): MaggateAdapter {
  let kernel: HookRegistrar | null = null;
  let hooks: MaggateHooks | null = null;
  return {
    component: 'maggate',
    registerHooks(registrar) {
      hooks = {
        registerEndpoint: registrar.register('maggate', 'maggate.register_endpoint'),
        addVersion: registrar.register('maggate', 'maggate.add_version'),
        wrapRequest: registrar.register('maggate', 'maggate.wrap_request'),
        transformResponse: registrar.register('maggate', 'maggate.transform_response'),
        rbacResolver: registrar.register('maggate', 'maggate.rbac_resolver'),
        rateLimitStrategy: registrar.register('maggate', 'maggate.rate_limit_strategy'),
        usageAnalyticsEmitter: registrar.register('maggate', 'maggate.usage_analytics_emitter'),
      };
      kernel = registrar;
    },
    hooks: () => hooks ?? unregistered(),
    isHeard: (type) => (kernel ?? unregistered()).isHeard(type),
    demands: (hook) => unknownHook(hook),
    executeHook: async (hook) => unknownHook(hook),
    validateCapability: () => ALLOW,
    emitEvent: async (event) => (kernel ?? unregistered()).publish('maggate', event),
  };
}

function unknownHook(hook: string): never {
  throw new MagError(
    'E_NOT_FOUND',
    `The gateway has no host call named ${JSON.stringify(hook.slice(0, 80))}.`,
  );
}

function unregistered(): never {
  throw new MagError('E_INTERNAL', 'The gateway adapter is used before it was registered.');
}
