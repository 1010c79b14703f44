/** A browser without eyes: it keeps the cookies of each origin, and follows no redirect by itself. */
export class Browser {
  readonly #jars = new Map<string, Map<string, string>>();

  async open(url: string, init: RequestInit & { readonly withCookies?: boolean } = {}): Promise<Response> {
    const { withCookies = true, ...rest } = init;
    const { origin } = new URL(url);
    const jar = this.#jars.get(origin) ?? new Map<string, string>();
    this.#jars.set(origin, jar);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = new Headers(rest.headers);
    if (withCookies && cookie !== '') headers.set('cookie', cookie);
    const response = await fetch(url, { ...rest, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';');
      const at = pair.indexOf('=');
      if (/max-age=0|expires=thu, 01 jan 1970/i.test(line)) jar.delete(pair.slice(0, at));
      else jar.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return response;
  }

  /** Goes where redirects lead, as long as `goesOn` says. Resolves with the last answer and its address. */
  async follow(
    url: string,
    goesOn: (location: URL) => boolean = () => true,
  ): Promise<{ url: URL; response: Response }> {
    let at = new URL(url);
    for (let hops = 0; hops < 20; hops++) {
      const response = await this.open(at.href);
      const location = response.headers.get('location');
      if (location === null) return { url: at, response };
      const next = new URL(location, at);
      if (!goesOn(next)) return { url: next, response };
      at = next;
    }
    throw new Error(`it leads in a circle: ${at.href}`);
  }

  cookie(origin: string, name: string): string | undefined {
    return this.#jars.get(new URL(origin).origin)?.get(name);
  }

  post(
    url: string,
    form: Record<string, string>,
    init: { readonly withCookies?: boolean } = {},
  ): Promise<Response> {
    return this.open(url, { method: 'POST', body: new URLSearchParams(form), ...init });
  }
}
