/** Longest answer that is read: many secrets may lie at one path. */
const MAX_ANSWER_BYTES = 1_048_576;

export interface VaultQuestion {
  readonly url: URL;
  readonly token: string | null;
  /** Sent with POST; `null`: a GET. */
  readonly body: object | null;
  readonly signal: AbortSignal;
}

/** `body` is `null` where it is no JSON object. */
export type VaultAnswer =
  | { readonly status: number; readonly body: Readonly<Record<string, unknown>> | null }
  /** For the operator: no word of the server, nor of what was sent. */
  | { readonly failed: string };

/** One request to a Vault. A redirect is not followed: the token would go with it. */
export async function askVault({ url, token, body, signal }: VaultQuestion): Promise<VaultAnswer> {
  try {
    const response = await fetch(url, {
      method: body === null ? 'GET' : 'POST',
      redirect: 'manual',
      signal,
      headers: {
        'x-vault-request': 'true',
        ...(token === null ? {} : { 'x-vault-token': token }),
        ...(body === null ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === null ? {} : { body: JSON.stringify(body) }),
    });
    if (response.status !== 200) {
      await response.body?.cancel().catch(() => undefined);
      return { status: response.status, body: null };
    }
    const text = await readText(response);
    return text === null ? { failed: 'sent more than it may' } : { status: 200, body: parsed(text) };
  } catch {
    // What went wrong names addresses and headers: it is not passed on.
    return { failed: signal.aborted ? 'took too long' : 'does not answer' };
  }
}

/** Counted as it arrives, and unpacked; `null`: too large. */
async function readText(response: Response): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    // Leaving the loop ends the connection.
    if (bytes > MAX_ANSWER_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parsed(text: string): Readonly<Record<string, unknown>> | null {
  try {
    return objectIn(JSON.parse(text));
  } catch {
    return null;
  }
}

/** `null` for all that is no object. */
export function objectIn(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}
