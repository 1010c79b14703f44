import type { AuthOfExtensions, MagauthHooks } from '../../../adapters/magauth/index.ts';
import type { ComponentEvent } from '../../../kernel/adapter.ts';
import type { Audit } from '../../../kernel/operator.ts';
import type { AuditRecord, AuditStore, Logger } from '../../../kernel/ports.ts';
import type { JsonObject } from '../../../manifests/json.ts';
import { type Authenticator, createAuthenticator } from './authenticator.ts';
import { Cookies } from './cookies.ts';
import { tellExpiries } from './expiries.ts';
import { createForExtensions } from './for-extensions.ts';
import { type LoginParts, Logins } from './logins.ts';
import { type ChangeParts, followMembershipChanges } from './membership-changes.ts';
import type {
  ExpiryStore,
  LoginStore,
  PrincipalStore,
  RoleStore,
  SessionStore,
  TokenStore,
} from './ports.ts';
import { Providers } from './providers.ts';
import { RoleBook } from './role-book.ts';
import { TappedMemberships } from './tapped-memberships.ts';

export interface AuthStores {
  readonly tokens: TokenStore;
  readonly sessions: SessionStore;
  readonly principals: PrincipalStore;
  readonly roles: RoleStore;
  readonly logins: LoginStore;
  readonly expiries: ExpiryStore;
}

export interface MagauthParts
  extends Pick<LoginParts, 'fetch' | 'secretFor' | 'guests' | 'session'>,
    Pick<ChangeParts, 'events' | 'onPublished' | 'onGrants'> {
  readonly stores: AuthStores & { readonly audit: Pick<AuditStore, 'latest'> };
  readonly hooks: MagauthHooks;
  readonly audit: Audit & { onRecord(listener: (record: AuditRecord) => void): void };
  readonly emit: (event: ComponentEvent) => Promise<void>;
  readonly logger: Logger;
  /** As browsers know this host, without a slash behind it; known when it listens. */
  readonly publicUrl: () => string;
}

/** The component of identity: who asks, what they are, and how they log in. */
export interface Magauth {
  readonly stores: AuthStores;
  readonly authenticator: Authenticator;
  readonly memberships: TappedMemberships;
  readonly roles: RoleBook;
  readonly providers: Providers;
  readonly logins: Logins;
  readonly cookies: Cookies;
  readonly hooks: MagauthHooks;
  readonly forExtensions: AuthOfExtensions;
  readonly emit: (event: ComponentEvent) => Promise<void>;
  /** Listens to nobody any more. */
  stop(): void;
}

const SESSION = /^mags_/;

export function createMagauth(parts: MagauthParts): Magauth {
  const { stores, hooks, audit, emit, publicUrl, logger } = parts;
  const { tokens, sessions, principals, logins: store } = stores;
  const authenticator = createAuthenticator({
    authenticate: (text) => (SESSION.test(text) ? sessions : tokens).authenticate(text),
  });
  const providers = new Providers(hooks);
  audit.onRecord((record) => {
    if (hooks.auditEmitter.isUsed()) hooks.auditEmitter.tell(recordView(record), { request: null });
  });
  const memberships = new TappedMemberships({ hook: hooks.membershipResolver, logger });
  const stopTelling = tellExpiries(stores.expiries, emit, logger);
  const stopFollowing = followMembershipChanges({
    ...parts,
    hook: hooks.membershipResolver,
    changed: () => memberships.forget(),
  });
  return {
    stop() {
      stopTelling();
      stopFollowing();
    },
    stores,
    hooks,
    emit,
    authenticator,
    memberships,
    roles: new RoleBook(stores.roles, hooks.roles),
    providers,
    logins: new Logins({ ...parts, providers, store, principals, sessions }),
    cookies: new Cookies(publicUrl),
    forExtensions: createForExtensions({
      principals,
      audit,
      records: stores.audit,
      changed: () => authenticator.forget(),
    }),
  };
}

/** What an extension is told of a record: all but what chains it. */
function recordView({ hash: _, previousHash: __, at, ...record }: AuditRecord): JsonObject {
  return { ...record, at: at.toISOString() };
}
