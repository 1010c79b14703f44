import { readFile, writeFile } from 'node:fs/promises';
import { BUNDLE_V03_MEDIA_TYPE, type Bundle, bundleToJSON } from '@sigstore/bundle';
import {
  CIContextProvider,
  DEFAULT_FULCIO_URL,
  DEFAULT_REKOR_URL,
  FulcioSigner,
  type IdentityProvider,
  MessageSignatureBundleBuilder,
  RekorWitness,
  type Signer,
  type Witness,
} from '@sigstore/sign';
import { MagError, messageOf } from '../../kernel/errors.ts';

export interface KeylessOptions {
  /** An OpenID Connect token for the audience `sigstore`. Absent: that of the CI system this runs in. */
  readonly identityToken?: string | undefined;
  /** The certificate authority. Default: that of Sigstore's public instance. */
  readonly fulcioUrl?: string;
  /** The transparency log. Default: that of Sigstore's public instance. */
  readonly rekorUrl?: string;
}

/**
 * Signs a package without a key to keep: with a certificate of ten minutes for the identity in the token. Writes
 * `<file>.sigstore.json`, as `cosign sign-blob --bundle` does, and returns its path.
 * @throws `E_BAD_REQUEST` when the file cannot be read; `E_NET` when there is no token, or the authority or the
 *   log does not give what was asked for
 */
export async function signKeyless(file: string, options: KeylessOptions = {}): Promise<string> {
  const archive = await readFile(file).catch((cause: unknown) => {
    throw new MagError('E_BAD_REQUEST', `${file} cannot be read.`, { cause });
  });
  const builder = new MessageSignatureBundleBuilder(keylessSigning(options));
  const bundle = await builder.create({ data: archive }).catch((cause: unknown) => {
    throw new MagError('E_NET', `The package could not be signed: ${messageOf(cause)}.`, { cause });
  });
  const target = `${file}.sigstore.json`;
  await writeFile(target, `${JSON.stringify(bundleToJSON(asV03(bundle)))}\n`);
  return target;
}

/** The certificate authority that makes a key for one signature, and the log that witnesses it. */
export function keylessSigning(options: KeylessOptions): { signer: Signer; witnesses: Witness[] } {
  const { fulcioUrl = DEFAULT_FULCIO_URL, rekorUrl = DEFAULT_REKOR_URL } = options;
  return {
    signer: new FulcioSigner({ fulcioBaseURL: fulcioUrl, identityProvider: identityOf(options) }),
    witnesses: [new RekorWitness({ rekorBaseURL: rekorUrl })],
  };
}

/** The builder puts a message signature into a bundle v0.2; of its chain v0.3 keeps the one certificate. */
function asV03(bundle: Bundle): Bundle {
  const { content } = bundle.verificationMaterial;
  const leaf =
    content.$case === 'x509CertificateChain' ? content.x509CertificateChain.certificates[0] : undefined;
  if (leaf === undefined) return bundle;
  const certificate = { $case: 'certificate', certificate: leaf } as const;
  return {
    ...bundle,
    mediaType: BUNDLE_V03_MEDIA_TYPE,
    verificationMaterial: { ...bundle.verificationMaterial, content: certificate },
  };
}

function identityOf({ identityToken }: KeylessOptions): IdentityProvider {
  return identityToken === undefined
    ? new CIContextProvider('sigstore')
    : { getToken: async () => identityToken };
}
