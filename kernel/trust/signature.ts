import type { KeyObject } from 'node:crypto';
import {
  BUNDLE_V03_LEGACY_MEDIA_TYPE,
  BUNDLE_V03_MEDIA_TYPE,
  type Bundle,
  bundleFromJSON,
  isBundleWithDsseEnvelope,
  isBundleWithPublicKey,
} from '@sigstore/bundle';
import { HashAlgorithm } from '@sigstore/protobuf-specs';
import { toSignedEntity, VerificationError, Verifier } from '@sigstore/verify';
import { MagError } from '../errors.ts';
import { parsePublicKey } from './public-key.ts';
import { REVIEW_TYPE } from './review.ts';
import { readStatement, type Statement } from './statement.ts';

const MAX_BUNDLE_CHARS = 1_048_576;
const MEDIA_TYPES = [BUNDLE_V03_MEDIA_TYPE, BUNDLE_V03_LEGACY_MEDIA_TYPE];

/** A Sigstore bundle as far as it can be read without any key. */
export interface Signature {
  /** `message`: over the bytes of the package. `statement`: over an in-toto statement that names its digest. */
  readonly kind: 'message' | 'statement';
  /** SHA-256 digests, hex, of what it says it was made for. */
  readonly subjects: readonly string[];
  /** What the signer called the key: a hint, never evidence. `null`: signed with a certificate. */
  readonly keyHint: string | null;
  /** What was signed, unless it is the bytes of the package. */
  readonly statement: Statement | null;
  readonly bundle: Bundle;
}

/**
 * Reads the bundle beside a package. Nothing is verified yet. A review says what its reviewer thinks of a package, and
 * never that a publisher released it, though one key may be trusted with both.
 * @throws `E_SIG_MISSING`, `E_SIG_INVALID`
 */
export function parseSignature(text: string | null): Signature {
  if (text === null || text.trim() === '') {
    throw new MagError('E_SIG_MISSING', 'The package came without its signature bundle (.sigstore.json).');
  }
  const signature = parseBundle(text);
  if (signature.statement?.predicateType !== REVIEW_TYPE) return signature;
  throw invalid('The signature bundle is the review of a package: it belongs among the attestations.');
}

/** Reads any bundle of this kind. Nothing is verified yet. @throws `E_SIG_INVALID` */
export function parseBundle(text: string): Signature {
  if (text.length > MAX_BUNDLE_CHARS) throw invalid('The signature bundle is over 1 MiB.');
  const bundle = readBundle(text);
  const keyHint = isBundleWithPublicKey(bundle) ? bundle.verificationMaterial.content.publicKey.hint : null;
  if (isBundleWithDsseEnvelope(bundle)) {
    const statement = readStatement(bundle.content.dsseEnvelope);
    if (statement === null) throw invalid('The signature bundle holds no in-toto statement.');
    return { kind: 'statement', subjects: statement.subjects, keyHint, statement, bundle };
  }
  return { kind: 'message', subjects: [messageDigest(bundle)], keyHint, statement: null, bundle };
}

/** With which of these keys the bytes were signed. */
export function keyAmong<Key extends { readonly publicKey: string }>(
  signature: Signature,
  bytes: Uint8Array,
  keys: readonly Key[],
): Key | undefined {
  return keys.find(({ publicKey }) => isSignedBy(signature, bytes, parsePublicKey(publicKey)));
}

/** Whether the signature in the bundle is good for these bytes and this key. */
function isSignedBy(signature: Signature, archive: Uint8Array, publicKey: KeyObject): boolean {
  const { bundle } = signature;
  // Log entries and timestamps add nothing to a pinned key: whoever could forge would leave them out.
  const bare: Bundle = {
    ...bundle,
    verificationMaterial: {
      ...bundle.verificationMaterial,
      tlogEntries: [],
      timestampVerificationData: undefined,
    },
  };
  const trust = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] };
  const verifier = new Verifier(
    { ...trust, publicKey: () => ({ publicKey, validFor: () => true }) },
    { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 },
  );
  try {
    verifier.verify(
      toSignedEntity(bare, Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength)),
    );
    return true;
  } catch (error) {
    if (error instanceof VerificationError) return false;
    throw error;
  }
}

function readBundle(text: string): Bundle {
  let bundle: Bundle;
  try {
    bundle = bundleFromJSON(JSON.parse(text));
  } catch (error) {
    throw invalid('The signature is not a Sigstore bundle.', error);
  }
  if (!MEDIA_TYPES.includes(bundle.mediaType)) throw invalid('The signature is not a Sigstore bundle v0.3.');
  return bundle;
}

function messageDigest(bundle: Bundle): string {
  if (bundle.content.$case !== 'messageSignature') throw invalid('The signature bundle holds no signature.');
  const { algorithm, digest } = bundle.content.messageSignature.messageDigest;
  if (algorithm !== HashAlgorithm.SHA2_256 || digest.byteLength !== 32) {
    throw invalid('The signature is not made over a SHA-256 digest.');
  }
  return digest.toString('hex');
}

function invalid(message: string, cause?: unknown): MagError {
  return new MagError('E_SIG_INVALID', message, { cause });
}
