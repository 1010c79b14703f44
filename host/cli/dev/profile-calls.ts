import type { Manifest } from '../../../manifests/manifest/manifest.ts';
import { UsageError } from '../usage-error.ts';

/** A request to an endpoint of the extension. */
export interface ProfileCall {
  /** As it was given. */
  readonly label: string;
  readonly method: string;
  /** Below `/x/<publisher>/<name>`. */
  readonly path: string;
  /** JSON text. */
  readonly body: string | null;
}

const CALL = /^(GET|POST|PUT|PATCH|DELETE) (\/\S*)(?: (.+))?$/s;

/** Reads `POST /notes {"text":"x"}`. @throws UsageError */
export function parseCall(text: string): ProfileCall {
  const [, method, path, body] = CALL.exec(text) ?? [];
  if (method === undefined || path === undefined) {
    throw new UsageError(`--call takes a method and a path like "GET /greet/Ada"; got "${text}"`);
  }
  return { label: `${method} ${path}`, method, path, body: body ?? null };
}

/** What is called when nothing else was asked for: every GET endpoint that needs no parameter, and no certificate. */
export function defaultCalls({ contributes }: Manifest): ProfileCall[] {
  const plain = contributes.endpoints.filter(
    ({ method, path, auth }) => method === 'GET' && !path.includes('/:') && auth !== 'certificate',
  );
  const calls = new Set(plain.map(({ method, path }) => `${method} ${path}`)); // the lowest version of each
  if (calls.size > 0) return [...calls].map(parseCall);
  throw new UsageError(
    'it has no GET endpoint without parameters: say what to call, --call "GET /greet/Ada"',
  );
}
