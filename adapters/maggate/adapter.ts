import type { ComponentAdapter, HookRegistrar } from '../../kernel/adapter.ts';
import { ALLOW } from '../../kernel/capability/gate.ts';
import { MagError } from '../../kernel/errors.ts';
import type { HookPoint } from '../../kernel/hooks/hook-point.ts';

/** The hook points the gateway fires. */
export interface MaggateHooks {
  readonly wrapRequest: HookPoint;
  readonly transformResponse: HookPoint;
}

export interface MaggateAdapter extends ComponentAdapter {
  readonly component: 'maggate';
  /** The hook points, for the gateway. @throws `E_INTERNAL` before `registerHooks` */
  hooks(): MaggateHooks;
}

/** The adapter between the gateway and the kernel. The gateway offers no host calls yet. */
export function createMaggateAdapter(): MaggateAdapter {
  let kernel: HookRegistrar | null = null;
  let hooks: MaggateHooks | null = null;
  return {
    component: 'maggate',
    registerHooks(registrar) {
      hooks = {
        wrapRequest: registrar.register('maggate', 'maggate.wrap_request'),
        transformResponse: registrar.register('maggate', 'maggate.transform_response'),
      };
      kernel = registrar;
    },
    hooks: () => hooks ?? unregistered(),
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
