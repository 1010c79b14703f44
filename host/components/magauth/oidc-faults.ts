import * as client from 'openid-client';
import { MagError } from '../../../kernel/errors.ts';
import type { Code } from '../../../manifests/catalog/index.ts';

/** Of openid-client. What is not here is the provider not keeping to its protocol. */
const CODES: Readonly<Record<string, Code>> = {
  OAUTH_JWT_TIMESTAMP_CHECK_FAILED: 'E_LOGIN_EXPIRED',
  OAUTH_JWT_CLAIM_COMPARISON_FAILED: 'E_LOGIN_REFUSED',
  OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED: 'E_LOGIN_REFUSED',
  OAUTH_KEY_SELECTION_FAILED: 'E_LOGIN_SIGNATURE',
};

/** What went wrong between us and a provider, by our codes. Its own words stay in the cause. */
export function oidcFault(failure: unknown): MagError {
  const own = ownFault(failure);
  if (own !== null) return own;
  const code = codeOf(failure);
  return new MagError(code, SENTENCES[code] ?? 'The login provider does not keep to its protocol.', {
    cause: failure,
  });
}

const SENTENCES: Readonly<Partial<Record<Code, string>>> = {
  E_LOGIN_EXPIRED: 'The answer of the login provider is too old, or not valid yet.',
  E_LOGIN_REFUSED: 'The login provider refused, or its answer is for somebody else.',
  E_LOGIN_SIGNATURE: 'The answer of the login provider is not signed by its keys.',
};

function codeOf(failure: unknown): Code {
  if (failure instanceof client.AuthorizationResponseError) return 'E_LOGIN_REFUSED';
  // The token endpoint said no: to the code, or to us.
  if (failure instanceof client.ResponseBodyError) return 'E_LOGIN_REFUSED';
  if (!(failure instanceof Error)) return 'E_LOGIN_PROVIDER';
  if (/signature/i.test(textOf(failure))) return 'E_LOGIN_SIGNATURE';
  return 'code' in failure ? (CODES[String(failure.code)] ?? 'E_LOGIN_PROVIDER') : 'E_LOGIN_PROVIDER';
}

function textOf(failure: Error): string {
  return failure.cause instanceof Error ? `${failure.message} ${failure.cause.message}` : failure.message;
}

/** What our own side said on the way: the gate, or the network. */
function ownFault(failure: unknown): MagError | null {
  for (let at = failure; at instanceof Error; at = at.cause) if (at instanceof MagError) return at;
  return null;
}
