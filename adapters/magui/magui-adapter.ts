import type { ComponentAdapter, HookRegistrar } from '../../kernel/adapter.ts';
import { ALLOW } from '../../kernel/capability/gate.ts';
import { MagError } from '../../kernel/errors.ts';
import type { GuardPoint, ObservePoint, RegisterPoint } from '../../kernel/hooks/hook-point.ts';

/** What extensions add to the console, and what they learn of it. */
export interface MaguiHooks {
  readonly widgets: RegisterPoint<'widgets'>;
  readonly panels: RegisterPoint<'panels'>;
  readonly explorers: RegisterPoint<'explorers'>;
  readonly beforeProjectCreate: GuardPoint;
  readonly afterSchemaChange: ObservePoint;
  readonly onUserAction: ObservePoint;
}

interface MaguiAdapter extends ComponentAdapter {
  readonly component: 'magui';
  /** @throws `E_INTERNAL` before `registerHooks` */
  hooks(): MaguiHooks;
}

/** The adapter between the console and the kernel. The console offers no host calls. */
export function createMaguiAdapter(): MaguiAdapter {
  let kernel: HookRegistrar | null = null;
  let hooks: MaguiHooks | null = null;
  return {
    component: 'magui',
    registerHooks(registrar) {
      hooks = {
        widgets: registrar.register('magui', 'magui.register_widget'),
        panels: registrar.register('magui', 'magui.register_panel'),
        explorers: registrar.register('magui', 'magui.extend_schema_explorer'),
        beforeProjectCreate: registrar.register('magui', 'magui.before_project_create'),
        afterSchemaChange: registrar.register('magui', 'magui.after_schema_change'),
        onUserAction: registrar.register('magui', 'magui.on_user_action'),
      };
      kernel = registrar;
    },
    hooks: () => hooks ?? unregistered(),
    demands: () => noCall(),
    executeHook: async () => noCall(),
    validateCapability: () => ALLOW,
    emitEvent: async (event) => (kernel ?? unregistered()).publish('magui', event),
  };
}

function noCall(): never {
  throw new MagError('E_NOT_FOUND', 'The console has no host calls.');
}

function unregistered(): never {
  throw new MagError('E_INTERNAL', 'The hooks of the console are not registered.');
}
