import type { FastifyReply, FastifyRequest } from 'fastify';

const READS = ['GET', 'HEAD', 'OPTIONS'];
const LOGIN_SECONDS = 600;
const VALUE = /^[A-Za-z0-9_-]{1,200}$/;

/**
 * The cookies of this host: the session of a browser, and the secret it is known by while it logs in. No script and
 * no other site gets hold of them.
 */
export class Cookies {
  readonly #publicUrl: () => string;

  /** @param publicUrl as browsers know this host */
  constructor(publicUrl: () => string) {
    this.#publicUrl = publicUrl;
  }

  /** The text of a session; `null`: none, or more than one. */
  session(request: FastifyRequest): string | null {
    return this.#read(request, 'mag_session');
  }

  browser(request: FastifyRequest): string | null {
    return this.#read(request, 'mag_login');
  }

  setSession(reply: FastifyReply, text: string, expiresAt: Date): void {
    this.#write(reply, 'mag_session', text, Math.floor((expiresAt.getTime() - Date.now()) / 1_000));
  }

  clearSession(reply: FastifyReply): void {
    this.#write(reply, 'mag_session', '', 0);
  }

  setBrowser(reply: FastifyReply, text: string): void {
    this.#write(reply, 'mag_login', text, LOGIN_SECONDS);
  }

  /** Whether a request with a cookie is meant: a browser says where one that changes something comes from. */
  isOwnRequest({ method, headers }: FastifyRequest): boolean {
    return READS.includes(method) || headers.origin === new URL(this.#publicUrl()).origin;
  }

  /** A cookie of the same name with another path or domain would come along: then it is not known whose is ours. */
  #read({ headers }: FastifyRequest, name: string): string | null {
    const wanted = `${this.#prefix()}${name}=`;
    const found = (headers.cookie ?? '')
      .split(';')
      .map((part) => part.trim())
      .filter((part) => part.startsWith(wanted))
      .map((part) => part.slice(wanted.length));
    const [value] = found;
    return found.length === 1 && value !== undefined && VALUE.test(value) ? value : null;
  }

  #write(reply: FastifyReply, name: string, value: string, seconds: number): void {
    const secure = this.#isSecure() ? '; Secure' : '';
    reply.header(
      'set-cookie',
      `${this.#prefix()}${name}=${value}; Path=/; Max-Age=${Math.max(0, seconds)}; HttpOnly; SameSite=Lax${secure}`,
    );
  }

  #prefix(): string {
    return this.#isSecure() ? '__Host-' : '';
  }

  #isSecure(): boolean {
    return this.#publicUrl().startsWith('https:');
  }
}
