import type { TrustMaterial } from '@sigstore/verify';
import { codeOf } from '../errors.ts';
import { type CertifiedSigner, certifiedSigner } from './certificate.ts';
import type { Signers } from './policy.ts';
import { keyAmong, type Signature } from './signature.ts';
import type { Match } from './signers.ts';

/** A statement carries what was signed: there are no bytes beside it. */
const NO_BYTES = new Uint8Array();

/** What was signed, matched with signers. What a certificate says is found out once for each root. */
export class MatchedSignature {
  readonly #signature: Signature;
  readonly #bytes: Uint8Array;
  readonly #certified = new Map<TrustMaterial, CertifiedSigner | null>();

  constructor(signature: Signature, bytes: Uint8Array = NO_BYTES) {
    this.#signature = signature;
    this.#bytes = bytes;
  }

  /** Who of these signed it, in force or not; `null`: none of them, or the signature does not hold. */
  signerAmong(signers: Signers): Match | null {
    return this.#signature.keyHint === null ? this.#identityAmong(signers) : this.#keyAmong(signers);
  }

  #keyAmong({ keys }: Signers): Match | null {
    const key = keyAmong(this.#signature, this.#bytes, keys);
    return key === undefined ? null : { name: key.id, entry: key };
  }

  #identityAmong({ identities, trustedRoot }: Signers): Match | null {
    const material = trustedRoot?.material ?? null;
    if (material === null || identities.length === 0) return null;
    const signer = this.#certifiedBy(material);
    const identity = identities.find(({ issuer, san }) => issuer === signer?.issuer && san === signer.san);
    return identity === undefined ? null : { name: identity.san, entry: identity };
  }

  #certifiedBy(root: TrustMaterial): CertifiedSigner | null {
    const known = this.#certified.get(root);
    if (known !== undefined) return known;
    const signer = certified(this.#signature, this.#bytes, root);
    this.#certified.set(root, signer);
    return signer;
  }
}

function certified(signature: Signature, bytes: Uint8Array, root: TrustMaterial): CertifiedSigner | null {
  try {
    return certifiedSigner(signature, bytes, root);
  } catch (error) {
    // It does not lead to this root, which is what most certificates do.
    if (codeOf(error) === 'E_SIG_INVALID') return null;
    throw error;
  }
}
