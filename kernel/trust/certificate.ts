import { TrustedRoot } from '@sigstore/protobuf-specs';
import {
  type TrustMaterial,
  toSignedEntity,
  toTrustMaterial,
  VerificationError,
  Verifier,
} from '@sigstore/verify';
import { MagError, messageOf } from '../errors.ts';
import type { Signature } from './signature.ts';

/** Whom a certificate says to have signed, as its issuer found out. */
export interface CertifiedSigner {
  /** Of the OpenID Connect token: `https://token.actions.githubusercontent.com`. */
  readonly issuer: string;
  /** The subject alternative name: the address of a workflow, or of a person. */
  readonly san: string;
}

/** A pinned Sigstore root: the authorities and logs whose word counts. @throws `E_CONFIG` when it is none */
export function parseTrustedRoot(json: unknown): TrustMaterial {
  try {
    const root = TrustedRoot.fromJSON(json);
    if (root.certificateAuthorities.length > 0 && root.tlogs.length > 0) return toTrustMaterial(root);
  } catch (cause) {
    throw new MagError('E_CONFIG', 'The trusted root is not a Sigstore trusted_root.json.', { cause });
  }
  throw new MagError('E_CONFIG', 'The trusted root names no certificate authority or no transparency log.');
}

/**
 * Who signed these bytes with a certificate. Offline: the certificate leads to the root, was logged when it was
 * issued (SCT), and the signature was made while it was valid, as the transparency log or a timestamp says.
 * @throws `E_SIG_INVALID` with what does not hold
 */
export function certifiedSigner(
  { bundle }: Signature,
  archive: Uint8Array,
  root: TrustMaterial,
): CertifiedSigner {
  const bytes = Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength);
  try {
    const verifier = new Verifier(root, { tlogThreshold: 1, ctlogThreshold: 1, timestampThreshold: 1 });
    const { identity } = verifier.verify(toSignedEntity(bundle, bytes));
    // Compared by ourselves, exactly: the library would take what it is given for an expression.
    const [issuer, san] = [identity?.extensions?.issuer, identity?.subjectAlternativeName];
    if (issuer !== undefined && san !== undefined) return { issuer, san };
  } catch (thrown) {
    if (!(thrown instanceof VerificationError)) throw unreadable(thrown);
    throw new MagError('E_SIG_INVALID', `The certificate does not hold: ${messageOf(thrown)}.`, {
      cause: thrown,
    });
  }
  throw new MagError('E_SIG_INVALID', 'The certificate does not say who it was issued to.');
}

/** What the library trips over in a bundle is malformed, however it says so. */
function unreadable(cause: unknown): MagError {
  return new MagError('E_SIG_INVALID', 'The certificate or log entry in the bundle cannot be read.', {
    cause,
  });
}
