import { randomBytes } from 'node:crypto';
import type { ComponentEvent } from '../../../kernel/adapter.ts';
import { codeOf, MagError } from '../../../kernel/errors.ts';
import type { Audit, GuestHost } from '../../../kernel/operator.ts';
import type { Logger } from '../../../kernel/ports.ts';
import type { Json, JsonObject } from '../../../manifests/json.ts';
import { DEFAULT_ENV, type RequestContext } from '../../../manifests/protocol/frames.ts';
import { identify, type Known } from './identity.ts';
import { LoginThrottle, type LoginTry } from './login-throttle.ts';
import { OidcLogins, type OidcMemory, type OidcParts } from './oidc.ts';
import type { LoginStore, PrincipalStore, SessionStore } from './ports.ts';
import { isOf, type Provider, type Providers } from './providers.ts';
import { beginSaml, finishSaml, type SamlAddresses, type SamlMemory, samlMetadata } from './saml.ts';

const MAX_LOGIN_MS = 10 * 60_000;

export interface LoginParts extends OidcParts {
  readonly providers: Providers;
  readonly store: LoginStore;
  readonly principals: PrincipalStore;
  readonly sessions: SessionStore;
  readonly guests: Pick<GuestHost, 'call' | 'require'>;
  readonly audit: Audit;
  readonly emit: (event: ComponentEvent) => Promise<void>;
  readonly logger: Logger;
  /** As browsers and providers know this host: `https://mag.example.com`, without a slash behind it. */
  readonly publicUrl: () => string;
  /** Milliseconds a session may rest, and last. */
  readonly session: { readonly idleMs: number; readonly maxMs: number };
}

/** Whose browser it is, and where from. */
export interface Visitor {
  readonly address: string;
  /** The secret of the browser, out of its cookie; `null`: it has none. */
  readonly browser: string | null;
  readonly traceId: string;
}

export interface LoggedIn {
  /** The text of the session: a cookie, or a bearer token. */
  readonly token: string;
  readonly expiresAt: Date;
  readonly principal: { readonly id: string; readonly name: string };
  readonly tenant: string;
  /** Where the browser wanted to go. */
  readonly returnTo: string;
}

type Remembered = { readonly returnTo: string; readonly memory: JsonObject };
type Answered = { readonly returnTo: string; readonly subject: string; readonly claims: JsonObject };

/** Logs people in with the providers of extensions. What is under way is in Postgres: any host may go on with it. */
export class Logins {
  readonly #parts: LoginParts;
  readonly #oidc: OidcLogins;
  readonly #throttle: LoginThrottle;

  constructor(parts: LoginParts) {
    this.#parts = parts;
    this.#oidc = new OidcLogins(parts);
    this.#throttle = new LoginThrottle(parts.store);
  }

  /**
   * Begins a login at an OpenID Connect or SAML provider.
   * @param returnTo a path of this host
   * @returns where the browser goes, and the secret it is known by when it comes back
   * @throws `E_NOT_FOUND`, `E_BAD_REQUEST`, `E_LOGIN_PROVIDER`, `E_SECRET_MISSING`, `E_CAP_*`, `E_RATE_LIMITED`
   */
  async begin(key: string, returnTo: string, visitor: Visitor): Promise<{ url: URL; browser: string }> {
    const provider = this.#find(key);
    const safe = this.#ownPath(returnTo);
    await this.#throttle.begin(visitor.address);
    const [state, browser] = [secret(), visitor.browser ?? secret()];
    const { url, memory } = await this.#open(provider, state);
    const data = { returnTo: safe, memory };
    await this.#parts.store.begin(state, { provider: provider.key, data, browser, maxMs: MAX_LOGIN_MS });
    return { url, browser };
  }

  /** The browser comes back from an OpenID Connect provider. `search` is the query it brings. */
  async finishOidc(key: string, search: string, visitor: Visitor): Promise<LoggedIn> {
    const provider = this.#find(key);
    if (!isOf(provider, 'oidc')) throw noProvider();
    const url = new URL(`${this.#callbackOf(provider)}${search}`);
    const state = url.searchParams.get('state') ?? '';
    return this.#attempt({ address: visitor.address, principal: null }, provider, async () => {
      const { returnTo, memory } = await this.#consume(state, provider, visitor.browser ?? '');
      const verified = await this.#oidc.finish(provider, url, state, memory as OidcMemory);
      return this.#complete(provider, verified, returnTo, visitor);
    });
  }

  /**
   * A SAML provider answers, through the browser but from another site: without its cookies. Where the browser asks
   * for the rest itself, it is known again.
   * @returns the path that the browser goes on to
   */
  async answerSaml(
    key: string,
    { response, relayState }: { readonly response: string; readonly relayState: string },
    visitor: Visitor,
  ): Promise<string> {
    const provider = this.#find(key);
    if (!isOf(provider, 'saml')) throw noProvider();
    return this.#attempt({ address: visitor.address, principal: null }, provider, async () => {
      const { returnTo, memory } = await this.#consume(relayState, provider, null);
      const answer = await finishSaml(provider, response, this.#addressesOf(provider), memory as SamlMemory);
      const { assertionId, expiresAt, subject, claims } = answer;
      if (!(await this.#parts.store.useAssertion(provider.key, assertionId, expiresAt)))
        throw new MagError('E_LOGIN_REPLAYED', 'This answer of the login provider was used before.');
      await this.#parts.store.answer(relayState, { returnTo, subject, claims });
      return `/auth/finish?${new URLSearchParams({ state: relayState })}`;
    });
  }

  /** The browser that began a login at a SAML provider asks for its session. */
  async finishSaml(state: string, visitor: Visitor): Promise<LoggedIn> {
    const { provider: key, data } = await this.#parts.store.collect(state, {
      browser: visitor.browser ?? '',
    });
    const provider = this.#find(key);
    const { returnTo, ...verified } = data as Answered;
    return this.#attempt({ address: visitor.address, principal: null }, provider, () =>
      this.#complete(provider, verified, returnTo, visitor),
    );
  }

  /** Credentials that the extension checks itself. */
  async logIn(
    key: string,
    { username, credentials }: { readonly username: string; readonly credentials: Json },
    visitor: Visitor,
  ): Promise<LoggedIn> {
    const provider = this.#find(key);
    if (!isOf(provider, 'sso')) throw noProvider();
    const principal = `${provider.key} ${username.normalize('NFKC').toLowerCase()}`;
    return this.#attempt({ address: visitor.address, principal }, provider, () => {
      const asked = { kind: 'sso', username, credentials };
      return this.#signIn(provider, { subject: null, claims: {}, asked }, '/', visitor);
    });
  }

  /** What a SAML provider is configured with: XML. */
  metadata(key: string): string {
    const provider = this.#find(key);
    if (!isOf(provider, 'saml')) throw noProvider();
    return samlMetadata(provider, this.#addressesOf(provider));
  }

  async #open(provider: Provider, state: string): Promise<{ url: URL; memory: JsonObject }> {
    if (isOf(provider, 'oidc')) return this.#oidc.begin(provider, state, this.#callbackOf(provider));
    if (isOf(provider, 'saml')) return beginSaml(provider, state, this.#addressesOf(provider));
    throw new MagError('E_BAD_REQUEST', 'This provider takes credentials by POST.');
  }

  async #consume(state: string, { key }: Provider, browser: string | null): Promise<Remembered> {
    return (await this.#parts.store.consume(state, { provider: key, browser })) as Remembered;
  }

  #complete(
    provider: Provider,
    { subject, claims }: { readonly subject: string; readonly claims: JsonObject },
    returnTo: string,
    visitor: Visitor,
  ): Promise<LoggedIn> {
    const asked = { kind: provider.declared.kind, subject, claims };
    return this.#signIn(provider, { subject, claims, asked }, returnTo, visitor);
  }

  async #signIn(provider: Provider, known: Known, returnTo: string, visitor: Visitor): Promise<LoggedIn> {
    const { guests, principals, sessions, session, audit, emit, logger } = this.#parts;
    const { tenant } = provider.declared;
    const who = await identify(provider, known, guests, nobodyIn(tenant, visitor.traceId));
    const principal = await principals.signIn(who);
    if (principal.disabledAt !== null) throw new MagError('E_LOGIN_REFUSED', 'This user is disabled.');
    const made = { principalId: principal.id, tenantId: tenant, provider: provider.key, ...session };
    const { id, token, expiresAt } = await sessions.create(made);
    const by = `user:${principal.id}`;
    await audit.record({
      principal: by,
      tenant,
      action: 'auth.login',
      target: `session:${id}`,
      outcome: 'ok',
      detail: { provider: provider.key, roles: [...who.roles] },
    });
    await emit({
      type: 'auth.user.login',
      data: { principal: by, provider: provider.key, session: id },
      context: { tenant_id: tenant },
    }).catch((failure: unknown) => logger.warn({ err: failure }, 'a login could not be told'));
    return { token, expiresAt, principal: { id: by, name: principal.name }, tenant, returnTo };
  }

  /** A try that counts; what went wrong is for operators to read, and for the visitor a code. */
  async #attempt<Result>(tried: LoginTry, provider: Provider, login: () => Promise<Result>): Promise<Result> {
    return this.#throttle.attempt(tried, async () => {
      try {
        return await login();
      } catch (failure) {
        const fields = { provider: provider.key, code: codeOf(failure), reason: reasonsOf(failure) };
        this.#parts.logger.warn(fields, 'a login failed');
        throw failure;
      }
    });
  }

  #find(key: string): Provider {
    const provider = this.#parts.providers.find(key);
    if (provider === undefined) throw noProvider();
    return provider;
  }

  #callbackOf({ path }: Provider): string {
    return `${this.#parts.publicUrl()}/auth/callback/${path}`;
  }

  #addressesOf({ path }: Provider): SamlAddresses {
    const base = `${this.#parts.publicUrl()}/auth/saml/${path}`;
    return { entityId: `${base}/metadata`, acs: `${base}/acs` };
  }

  /** A login never leads to another site. @throws `E_BAD_REQUEST` */
  #ownPath(text: string): string {
    const base = new URL(this.#parts.publicUrl());
    const url = URL.parse(text, base.href);
    const path = url === null ? '' : `${url.pathname}${url.search}`;
    // `/..//elsewhere` is a path of this host, and comes out as `//elsewhere`, which a browser reads as another host.
    const isOurs = url?.origin === base.origin && URL.parse(path, base.href)?.origin === base.origin;
    if (!isOurs || !text.startsWith('/'))
      throw new MagError('E_BAD_REQUEST', 'A login returns to a path of this host.');
    return path;
  }
}

function secret(): string {
  return randomBytes(32).toString('base64url');
}

/** What each in a chain of errors says: their other members may hold what providers sent. */
function reasonsOf(failure: unknown): string {
  const reasons: string[] = [];
  for (let at = failure; at instanceof Error && reasons.length < 5; at = at.cause) reasons.push(at.message);
  return reasons.join(': ').slice(0, 1_000);
}

function noProvider(): MagError {
  return new MagError('E_NOT_FOUND', 'There is no such login provider.');
}

/** In which the handler of a provider acts: nobody is logged in yet. */
function nobodyIn(tenantId: string, traceId: string): RequestContext {
  return { tenantId, env: DEFAULT_ENV, principal: null, membership: null, mode: null, traceId };
}
