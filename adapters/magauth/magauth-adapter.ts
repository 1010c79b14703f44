import type { ComponentAdapter, ComponentEvent, HookContext, HookRegistrar } from '../../kernel/adapter.ts';
import { ALLOW, type Decision, type Demand } from '../../kernel/capability/gate.ts';
import { MagError } from '../../kernel/errors.ts';
import type {
  GuardPoint,
  ObservePoint,
  RegisterPoint,
  TransformPoint,
} from '../../kernel/hooks/hook-point.ts';
import type { Caller } from '../../kernel/ports.ts';
import type { Json } from '../../manifests/json.ts';
import type { ExtensionId } from '../../manifests/manifest/manifest.ts';
import type { HostCalls } from '../../manifests/protocol/calls.ts';
import type { AuthOfExtensions } from './ports.ts';

/** What belongs to no request belongs to the control plane. */
const CONTROL_PLANE = 't_system';
const DEFAULT_PAGE = 100;

/** The hook points of the component. */
export interface MagauthHooks {
  readonly ssoProviders: RegisterPoint<'ssoProviders'>;
  readonly oidcProviders: RegisterPoint<'oidcProviders'>;
  readonly samlProviders: RegisterPoint<'samlProviders'>;
  readonly roles: RegisterPoint<'roles'>;
  readonly permissionResolver: GuardPoint;
  readonly membershipResolver: TransformPoint;
  readonly auditEmitter: ObservePoint;
}

export interface MagauthAdapter extends ComponentAdapter {
  readonly component: 'magauth';
  /** @throws `E_INTERNAL` before `registerHooks` */
  hooks(): MagauthHooks;
  /** Connects the component, before the first call. */
  serve(component: AuthOfExtensions): void;
}

type AuthCall = 'assign_role' | 'remove_role' | 'role_holders' | 'query_audit';
type Params = {
  readonly assign_role: HostCalls['auth.assignRole']['params'];
  readonly remove_role: HostCalls['auth.removeRole']['params'];
  readonly role_holders: HostCalls['auth.roleHolders']['params'];
  readonly query_audit: HostCalls['auth.queryAudit']['params'];
};

export function createMagauthAdapter(): MagauthAdapter {
  return new AuthAdapter();
}

class AuthAdapter implements MagauthAdapter {
  readonly component = 'magauth';
  #kernel: HookRegistrar | null = null;
  #hooks: MagauthHooks | null = null;
  #component: AuthOfExtensions | null = null;
  readonly #calls: { readonly [Call in AuthCall]: (by: Caller, params: Params[Call]) => Promise<Json> } = {
    assign_role: async (by, { principal, role }) => ({
      assigned: await this.#served().assignRole(giverOf(by), principal, role),
    }),
    remove_role: async (by, { principal, role }) => ({
      removed: await this.#served().removeRole(giverOf(by), principal, role),
    }),
    role_holders: async (by, { role, after = '', limit = DEFAULT_PAGE }) => ({
      principals: await this.#served().roleHolders(giverOf(by).tenantId, role, { after, limit }),
    }),
    query_audit: async (by, filter) =>
      ({ records: await this.#served().queryAudit(giverOf(by).tenantId, filter) }) as unknown as Json,
  };

  registerHooks(kernel: HookRegistrar): void {
    this.#hooks = {
      ssoProviders: kernel.register('magauth', 'magauth.register_sso_provider'),
      oidcProviders: kernel.register('magauth', 'magauth.register_oidc_provider'),
      samlProviders: kernel.register('magauth', 'magauth.register_saml_provider'),
      roles: kernel.register('magauth', 'magauth.role_template'),
      permissionResolver: kernel.register('magauth', 'magauth.permission_resolver'),
      membershipResolver: kernel.register('magauth', 'magauth.membership_resolver'),
      auditEmitter: kernel.register('magauth', 'magauth.audit_emitter'),
    };
    this.#kernel = kernel;
  }

  hooks(): MagauthHooks {
    return this.#hooks ?? unregistered();
  }

  serve(component: AuthOfExtensions): void {
    this.#component = component;
  }

  demands(hook: string, params: Json): readonly Demand[] {
    if (callOf(hook) === 'query_audit') return [{ capability: 'auth.audit_access' }];
    const { role } = params as { role: string };
    return [{ capability: 'auth.modify_roles', resource: { roles: role } }];
  }

  async executeHook(hook: string, { caller, params }: HookContext): Promise<Json> {
    const call = this.#calls[callOf(hook)] as (by: Caller, params: Json) => Promise<Json>;
    return call(caller, params);
  }

  /** Whatever the gate allows, this component can do. */
  validateCapability(): Decision {
    return ALLOW;
  }

  async forget(extension: ExtensionId, options: { readonly purge: boolean }): Promise<void> {
    await this.#served().forget(extension, options);
  }

  async emitEvent(event: ComponentEvent): Promise<void> {
    await (this.#kernel ?? unregistered()).publish('magauth', event);
  }

  #served(): AuthOfExtensions {
    return this.#component ?? unregistered();
  }
}

function giverOf({ extension, request }: Caller) {
  return { extension, tenantId: request?.tenantId ?? CONTROL_PLANE };
}

function callOf(hook: string): AuthCall {
  const known: readonly string[] = ['assign_role', 'remove_role', 'role_holders', 'query_audit'];
  if (known.includes(hook)) return hook as AuthCall;
  throw new MagError('E_NOT_FOUND', `There is no host call auth.${JSON.stringify(hook.slice(0, 80))}.`);
}

function unregistered(): never {
  throw new MagError('E_INTERNAL', 'The adapter of MagAuth is used before it was registered.');
}
