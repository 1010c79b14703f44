import type { Json } from '../../manifests/json.ts';
import type { GivenSigner } from './trust-admin.ts';

/** A key or identity as the API and the command line name it. Times are ISO 8601. */
export type SignerBody = (KeyBody | IdentityBody) & {
  readonly notBefore?: string;
  readonly notAfter?: string;
};

interface KeyBody {
  /** PEM. */
  readonly publicKey: string;
  readonly id?: string;
}

interface IdentityBody {
  readonly identity: { readonly issuer: string; readonly san: string };
  /** A parsed Sigstore `trusted_root.json`. */
  readonly trustedRoot?: Json;
}

/** The signer that a body names. */
export function signerOf(body: SignerBody): GivenSigner {
  const { notBefore, notAfter } = body;
  const validity = {
    ...(notBefore === undefined ? {} : { notBefore: new Date(notBefore) }),
    ...(notAfter === undefined ? {} : { notAfter: new Date(notAfter) }),
  };
  if ('identity' in body) return { ...body.identity, trustedRoot: body.trustedRoot, ...validity };
  const { publicKey, id } = body;
  return { publicKey, ...(id === undefined ? {} : { id }), ...validity };
}
