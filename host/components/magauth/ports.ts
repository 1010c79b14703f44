import type { Json } from '../../../manifests/json.ts';

/** A user or a service that tokens and sessions act for, with what it is in each tenant now. */
export interface CredentialPrincipal {
  readonly id: string;
  readonly kind: PrincipalKind;
  readonly name: string;
  /** The tenant it belongs to, a member also without a role there. */
  readonly tenantId: string;
  /** Roles by tenant, in the order of their names. */
  readonly roles: Readonly<Record<string, readonly string[]>>;
}

export type PrincipalKind = 'user' | 'service';

/** What a request was authenticated with: an API token, a session, or the certificate of its connection. */
export interface Credential {
  readonly kind: 'token' | 'session' | 'certificate';
  readonly id: string;
  /** Of the token, of who logged in, or in the certificate. */
  readonly name: string;
  /** The one role a token carries; `null`: all that its principal has. */
  readonly role: string | null;
  readonly tenantId: string;
  /** `null`: a token of nobody's, or a certificate, which is a principal of its own. */
  readonly principal: CredentialPrincipal | null;
  readonly createdAt: Date;
  /** `null`: never. */
  readonly expiresAt: Date | null;
  /** It may only ask with GET and HEAD. */
  readonly readOnly: boolean;
  /** It may only ask for these paths and what is below them; `null`: for all. */
  readonly paths: readonly string[] | null;
}

/** An API token as it is known to the host: only a hash of its text is stored. */
export interface TokenRecord extends Credential {
  readonly kind: 'token';
  /** `owner`, `operator`, `auditor`, `author`, or a role that only endpoints of extensions ask for. */
  readonly role: string;
  readonly revokedAt: Date | null;
  readonly lastUsedAt: Date | null;
}

export interface NewToken {
  readonly name: string;
  readonly role: string;
  readonly tenantId: string;
  readonly expiresAt?: Date;
  /** Whom it acts for: it is good for as long as that principal has the role. */
  readonly principalId?: string;
  readonly readOnly?: boolean;
  readonly paths?: readonly string[];
}

/** API tokens, durable. Every method may throw `E_STORAGE`. */
export interface TokenStore {
  /** `token` is the text a client sends; it cannot be read again. @throws `E_NOT_FOUND`: no such principal */
  create(token: NewToken): Promise<{ id: string; token: string }>;
  /** `null` when the token is unknown, expired or revoked. */
  authenticate(token: string): Promise<TokenRecord | null>;
  /** Revoked ones included. */
  list(): Promise<TokenRecord[]>;
  /** False if there was nothing to revoke. */
  revoke(id: string): Promise<boolean>;
}

/** Somebody who logged in, for as long as it is used and its time is not over. */
export interface SessionRecord extends Credential {
  readonly kind: 'session';
  readonly role: null;
  readonly principal: CredentialPrincipal;
  /** `<publisher>/<name>#<provider>` */
  readonly provider: string;
  readonly lastSeenAt: Date;
  /** When it ends however much it is used. */
  readonly expiresAt: Date;
  readonly revokedAt: Date | null;
}

export interface NewSession {
  readonly principalId: string;
  readonly tenantId: string;
  readonly provider: string;
  /** Milliseconds after which it ends unused, and in any case. */
  readonly idleMs: number;
  readonly maxMs: number;
}

export interface SessionStore {
  create(session: NewSession): Promise<{ id: string; token: string; expiresAt: Date }>;
  /** `null` when it is unknown, over, revoked, or its principal disabled. Being used puts off its end. */
  authenticate(token: string): Promise<SessionRecord | null>;
  /** Those that are good, newest first. */
  list(principalId?: string): Promise<SessionRecord[]>;
  /** The one by this id, or all of a principal. Resolves with those that were ended. */
  revoke(which: { readonly id: string } | { readonly principalId: string }): Promise<SessionRecord[]>;
}

export interface PrincipalRecord {
  readonly id: string;
  readonly kind: PrincipalKind;
  readonly name: string;
  readonly email: string | null;
  readonly tenantId: string;
  readonly createdAt: Date;
  readonly disabledAt: Date | null;
}

export interface RoleAssignment {
  readonly tenantId: string;
  readonly role: string;
  /** `operator`, `provider:<publisher>/<name>#<provider>` or `extension:<id>`. */
  readonly source: string;
  readonly assignedBy: string;
  readonly assignedAt: Date;
}

/** What a login provider says of somebody. */
export interface SignIn {
  readonly provider: string;
  readonly subject: string;
  readonly name: string;
  readonly email: string | null;
  readonly tenantId: string;
  /** Instead of those it gave at the login before. */
  readonly roles: readonly string[];
}

export interface PrincipalStore {
  create(principal: Pick<PrincipalRecord, 'kind' | 'name' | 'email' | 'tenantId'>): Promise<PrincipalRecord>;
  get(id: string): Promise<PrincipalRecord | null>;
  list(): Promise<PrincipalRecord[]>;
  /** False: there is none, or it is already. Disabling ends its sessions, and its tokens rest. */
  setDisabled(id: string, disabled: boolean): Promise<boolean>;
  remove(id: string): Promise<boolean>;
  /** Makes it known at its first login, and brings what the provider says of it up to date. */
  signIn(login: SignIn): Promise<PrincipalRecord>;
  assignments(id: string): Promise<RoleAssignment[]>;
  /** Idempotent; false: it was there. @throws `E_NOT_FOUND` */
  assign(id: string, assignment: Omit<RoleAssignment, 'assignedAt'>): Promise<boolean>;
  unassign(id: string, assignment: Pick<RoleAssignment, 'tenantId' | 'role' | 'source'>): Promise<boolean>;
  /** Who has a role in a tenant, by id. */
  holders(tenantId: string, role: string, page: { after: string; limit: number }): Promise<PrincipalRecord[]>;
  /** What an extension and its providers gave is taken; `purge`: whom they log in is forgotten, and logged out. */
  forget(extension: string, options: { readonly purge: boolean }): Promise<void>;
}

/** A role that an operator made. */
export interface RoleRecord {
  readonly name: string;
  readonly description: string;
  /** `<publisher>/<name>:<permission>` */
  readonly permissions: readonly string[];
}

export interface RoleStore {
  list(): Promise<RoleRecord[]>;
  /** Inserts or replaces. */
  put(role: RoleRecord): Promise<void>;
  remove(name: string): Promise<boolean>;
}

export interface LoginRecord {
  readonly provider: string;
  readonly data: Json;
}

/** Logins under way, what was used up, and tries: shared by all hosts. */
export interface LoginStore {
  /** `state` is kept as a digest. */
  begin(
    state: string,
    login: LoginRecord & { readonly browser: string; readonly maxMs: number },
  ): Promise<void>;
  /**
   * Uses a login up. Whose browser it is is not asked where `browser` is null: SAML answers come from elsewhere.
   * @throws `E_LOGIN_STATE`, `E_LOGIN_REPLAYED`
   */
  consume(state: string, by: { readonly provider: string; readonly browser: string | null }): Promise<Json>;
  /** Keeps what the provider answered to a login that was used up. */
  answer(state: string, answer: Json): Promise<void>;
  /** Hands an answer out, once and to the browser that began. @throws `E_LOGIN_STATE`, `E_LOGIN_REPLAYED` */
  collect(state: string, by: { readonly browser: string }): Promise<LoginRecord>;
  /** False: it was used before. */
  useAssertion(provider: string, id: string, expiresAt: Date): Promise<boolean>;
  /** Counts a try before it is made, and how many there were in this window; the seconds it goes on. */
  attempt(key: string, windowMs: number): Promise<{ count: number; seconds: number }>;
  /** It was no guess: counts one back, or forgets all. */
  succeeded(key: string, options: { readonly all: boolean }): Promise<void>;
  dropExpired(): Promise<void>;
}

/** A credential whose time was over. */
export interface ExpiredCredential extends Pick<Credential, 'id' | 'tenantId'> {
  readonly kind: 'token' | 'session';
  /** As it is put on record. */
  readonly principal: string;
}

export interface ExpiryStore {
  /** Those whose time was over since this was asked last, on any host. */
  take(): Promise<ExpiredCredential[]>;
}

/** As it is put on record: `user:<id>`, `service:<id>`, or `token:<id>` and `certificate:<id>` of what is nobody's. */
export function principalIdOf({
  kind,
  id,
  principal,
}: Pick<Credential, 'kind' | 'id' | 'principal'>): string {
  return principal === null ? `${kind}:${id}` : `${principal.kind}:${principal.id}`;
}
