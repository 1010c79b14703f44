import type { ExtensionSource } from './author.ts';

const serve = { name: 'api.register_endpoint', reason: 'Serves its endpoints.' };

/** A manifest that serves the given endpoints, keys as in the definition: `GET /path`. */
export function serving(
  name: string,
  endpoints: readonly string[],
  members: Record<string, unknown> = {},
): ExtensionSource['manifest'] {
  const {
    capabilities = [],
    contributes = {},
    ...rest
  } = members as {
    capabilities?: readonly object[];
    contributes?: object;
  };
  return {
    name,
    capabilities: [serve, ...capabilities],
    contributes: {
      endpoints: endpoints.map((key) => {
        const [method, path, auth = 'user'] = key.split(' ');
        return { method, path, auth };
      }),
      ...contributes,
    },
    ...rest,
  };
}

/** Answers `GET /ping`: the neighbour that must go on serving. */
export const NEIGHBOUR: ExtensionSource = {
  manifest: serving('neighbour', ['GET /ping']),
  code: `export default { endpoints: { 'GET /ping': async () => ({ body: { pong: true } }) } };`,
};
