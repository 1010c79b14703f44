import type { ComponentAdapter, HookRegistrar } from '../../kernel/adapter.ts';
import { ALLOW } from '../../kernel/capability/gate.ts';
import { MagError } from '../../kernel/errors.ts';
import type { RegisterPoint } from '../../kernel/hooks/hook-point.ts';

/** What extensions add to the command line. */
export interface MagcliHooks {
  readonly commands: RegisterPoint<'commands'>;
  readonly help: RegisterPoint<'help'>;
  readonly formats: RegisterPoint<'formats'>;
}

interface MagcliAdapter extends ComponentAdapter {
  readonly component: 'magcli';
  /** @throws `E_INTERNAL` before `registerHooks` */
  hooks(): MagcliHooks;
}

/** The adapter between the command line and the kernel. The command line offers no host calls. */
export function createMagcliAdapter(): MagcliAdapter {
  let kernel: HookRegistrar | null = null;
  let hooks: MagcliHooks | null = null;
  return {
    component: 'magcli',
    registerHooks(registrar) {
      hooks = {
        commands: registrar.register('magcli', 'magcli.register_command'),
        help: registrar.register('magcli', 'magcli.extend_help'),
        formats: registrar.register('magcli', 'magcli.add_output_format'),
      };
      kernel = registrar;
    },
    hooks: () => hooks ?? unregistered(),
    demands: () => noCall(),
    executeHook: async () => noCall(),
    validateCapability: () => ALLOW,
    emitEvent: async (event) => (kernel ?? unregistered()).publish('magcli', event),
  };
}

function noCall(): never {
  throw new MagError('E_NOT_FOUND', 'The command line has no host calls.');
}

function unregistered(): never {
  throw new MagError('E_INTERNAL', 'The hooks of the command line are not registered.');
}
