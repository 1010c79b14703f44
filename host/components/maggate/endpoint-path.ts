import type { EndpointMatch } from './endpoint-router.ts';

/** A parameter in the path of a manifest, as find-my-way reads it. */
const PARAMETER = /:([^/.-]*)/g;

/** `['name']` of `/greet/:name`. */
export function parametersOf(pattern: string): string[] {
  return [...pattern.matchAll(PARAMETER)].map(([, name]) => name ?? '');
}

/** `/greet/{name}` of `/greet/:name`; `names` replaces the parameters in their order. */
export function templateOf(pattern: string, names: readonly string[] = parametersOf(pattern)): string {
  let at = 0;
  return pattern.replaceAll(PARAMETER, () => `{${names[at++] ?? ''}}`);
}

/**
 * The path of a request, in one spelling: without the version, and with nothing escaped that need not be.
 * What a tap may see and decides by is matched against this one, or `/v2/x/…` and `/x/acme/%61dmin` would be
 * ways around it.
 */
export function canonicalPath({ route, params }: EndpointMatch): string {
  const below = route.path.replaceAll(PARAMETER, (_, name: string) => encodeURIComponent(params[name] ?? ''));
  return route.mount + below;
}
