import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';
import type { Browser } from './browser.ts';

export const CLIENT = { id: 'magflock', secret: 'not-a-secret-but-a-test-of-one' };

/** A real OpenID Connect provider on loopback. Whoever types a name is that person, with these claims. */
export class OidcIdp implements AsyncDisposable {
  readonly issuer: string;
  /** Claims by name. */
  readonly people = new Map<string, Record<string, string>>();
  /** What was asked of it: `POST /token`. */
  readonly asked: string[] = [];
  readonly #server: Server;

  private constructor(server: Server, issuer: string) {
    this.#server = server;
    this.issuer = issuer;
  }

  static async start(
    redirectUris: readonly string[],
    secret: string | null = CLIENT.secret,
  ): Promise<OidcIdp> {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const idp = new OidcIdp(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const provider = new Provider(idp.issuer, {
      clients: [
        {
          client_id: CLIENT.id,
          ...(secret === null ? { token_endpoint_auth_method: 'none' } : { client_secret: secret }),
          redirect_uris: [...redirectUris],
        },
      ],
      claims: { openid: ['sub'], profile: ['name'], email: ['email'], groups: ['groups'] },
      scopes: ['openid', 'profile', 'email', 'groups'],
      cookies: { keys: ['of a test'] },
      ttl: { Interaction: 600, Session: 600, Grant: 600, AccessToken: 600, IdToken: 600 },
      findAccount: async (_ctx, sub) => ({
        accountId: sub,
        claims: async () => ({ sub, ...idp.people.get(sub) }),
      }),
    });
    const serve = provider.callback();
    server.on('request', (request, response) => {
      idp.asked.push(`${request.method} ${request.url?.split('?')[0]}`);
      void serve(request, response);
    });
    return idp;
  }

  /** Signs somebody in at the page the browser was sent to, agrees, and resolves with where it is sent back to. */
  async signIn(browser: Browser, location: string, name: string): Promise<URL> {
    const isHere = (next: URL) => next.origin === this.issuer;
    let page = await browser.follow(location, isHere);
    for (const form of [{ prompt: 'login', login: name, password: 'any' }, { prompt: 'consent' }]) {
      const posted = await browser.post(page.url.href, form);
      const next = new URL(posted.headers.get('location') ?? '', page.url);
      page = await browser.follow(next.href, isHere);
      if (!isHere(page.url)) return page.url;
    }
    throw new Error(`the provider did not send the browser back: ${await page.response.text()}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
