import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { codeOf, MagError, messageOf } from '../../kernel/errors.ts';
import { readArchive } from '../../kernel/trust/archive.ts';
import type { PublisherTrust, TrustPolicy } from '../../kernel/trust/policy.ts';
import { readManifestJson } from '../../kernel/trust/read-manifest.ts';
import { parseSignature } from '../../kernel/trust/signature.ts';
import { verifyAny } from '../../kernel/trust/verify.ts';
import type { Code } from '../../manifests/catalog/index.ts';
import type { Json, JsonObject } from '../../manifests/json.ts';
import { publisherOf } from '../../manifests/manifest/publisher-of.ts';
import { textIn } from './answer.ts';
import { attestationsText, needsIn } from './explain-attestations.ts';
import { readFileOrRefuse } from './read-file.ts';
import type { Session } from './session.ts';
import { ATTESTATIONS_SUFFIX, BUNDLE_SUFFIX } from './staging.ts';
import { policyFor, readBeside, type TrustGiven } from './verify-offline.ts';

/** What was looked at, what was found, and what it comes to. */
export interface Explanation extends JsonObject {
  readonly package: string;
  readonly digest: string;
  readonly signature: string;
  readonly madeFor: string;
  readonly publisher: string;
  /** Which revocation lists were looked at. */
  readonly revocations: string;
  /** What the policy needs beside the signature. */
  readonly needs: string;
  /** Each line of the file with the attestations: whether it counts, and why not. */
  readonly attestations: string[];
  /** `accepted`, or the code it is refused with. */
  readonly verdict: string;
  readonly reason: string;
  /** Empty when it is accepted. */
  readonly remedy: string;
}

/** What to do about a refusal. The other codes say it themselves. */
const REMEDIES: { readonly [C in Code]?: string } = {
  E_SIG_MISSING: `Put the bundle beside the package as <file>${BUNDLE_SUFFIX}, or make it: mag extension:sign.`,
  E_SIG_INVALID: 'The package or its bundle was changed on the way: get both from the publisher anew.',
  E_SIG_SUBJECT: 'The bundle is that of another file: take the one that was published with this package.',
  E_SIG_UNTRUSTED: 'If you trust the publisher: mag trust:add <publisher> --key <file.pub>.',
  E_SIG_IDENTITY:
    'Who signed it is not among those above. Ask the publisher, by another way, what it releases with; then mag trust:add.',
  E_SIG_REVOKED: 'Ask the publisher for a release that is signed with a key in force.',
  E_SIG_REVIEWS: `Get the reviews that are missing into <file>${ATTESTATIONS_SUFFIX}: a reviewer of the policy runs mag extension:attest.`,
  E_SIG_PROVENANCE: `Get the provenance of the build from the publisher, and put it into <file>${ATTESTATIONS_SUFFIX}.`,
  E_PKG_INVALID: 'It is for its author to pack anew: mag extension:pack.',
  E_MANIFEST_INVALID: 'It is for its author to correct the manifest and pack anew.',
  E_UNSUPPORTED: 'It asks for what this version of MagFlock does not offer: a newer host may.',
};

/** Says of a package what a host with the same trust policy would make of it, and from what. Refuses nothing. */
export async function explainVerification(
  session: Session,
  file: string,
  trust: TrustGiven,
): Promise<Explanation> {
  const path = resolve(session.terminal.cwd, file);
  const archive = await readFileOrRefuse(path, 'package');
  const beside = await readBeside(path);
  const { bundle, attestations } = beside;
  const { policy, lists } = await policyFor(session, archive, trust);
  const digest = createHash('sha256').update(archive).digest('hex');
  const named = await nameOf(archive);
  const now = new Date();
  const looked = {
    package: named.text,
    digest: `sha256:${digest}, ${archive.byteLength} bytes`,
    ...signatureOf(bundle, digest),
    publisher:
      named.publisher === null ? 'none: it says nothing of itself' : trustIn(policy, named.publisher),
    revocations: lists,
    needs: needsIn(policy, named.publisher),
    attestations: attestationsText({ attestations, digest, publisher: named.publisher ?? '', policy, now }),
  };
  try {
    const { signedBy, tier } = await verifyAny({ archive, ...beside, policy, now });
    return { ...looked, verdict: 'accepted', reason: `signed by ${signedBy}, tier ${tier}`, remedy: '' };
  } catch (error) {
    if (!(error instanceof MagError)) throw error;
    const { code, message } = error;
    return { ...looked, verdict: code, reason: message, remedy: remedyFor(error) };
  }
}

/** One code has several causes where the remedy differs. */
function remedyFor({ code, message }: MagError): string {
  if (code === 'E_SIG_REVOKED' && / is revoked by list \d+ of /.test(message))
    return 'Do not run it: take a version or package that the list does not name. Ask the issuer where it is wrong.';
  if (code === 'E_SIG_IDENTITY' && message.includes(' is not valid before '))
    return 'Wait until then, or ask the publisher for a release that is signed with the key before it.';
  return REMEDIES[code] ?? '';
}

async function nameOf(archive: Uint8Array): Promise<{ text: string; publisher: string | null }> {
  try {
    const files = await readArchive(archive);
    const { id, json } = readManifestJson(files.get('manifest.json') ?? new Uint8Array());
    return {
      text: `says it is ${id} ${textIn(json as Json, 'version')}`,
      publisher: publisherOf(id),
    };
  } catch (error) {
    return { text: `cannot be read: ${messageOf(error)}`, publisher: null };
  }
}

function signatureOf(bundle: string | null, digest: string): { signature: string; madeFor: string } {
  try {
    const { kind, keyHint, subjects } = parseSignature(bundle);
    const over = kind === 'message' ? 'over the bytes' : 'over an in-toto statement';
    const by =
      keyHint === null ? 'by a certificate (keyless)' : `by a key that is called ${keyHint || 'nothing'}`;
    const isThis = subjects.includes(digest);
    return {
      signature: `${over}, ${by}`,
      madeFor: isThis ? 'these bytes' : `other bytes: ${subjects.map((hex) => `sha256:${hex}`).join(', ')}`,
    };
  } catch (error) {
    return { signature: `${codeOf(error)}: ${messageOf(error)}`, madeFor: 'nothing' };
  }
}

function trustIn(policy: TrustPolicy, publisher: string): string {
  const trust = policy.publishers.get(publisher);
  if (trust === undefined) return `${publisher}: is not in the trust policy`;
  const signers = [...trust.keys.map(keyText), ...trust.identities.map(identityText)];
  return `${publisher}: tier ${trust.tier}; ${signers.length === 0 ? 'nobody may sign' : signers.join('; ')}`;
}

function keyText({ id, ...rest }: PublisherTrust['keys'][number]): string {
  return `key ${id}${stateText(rest)}`;
}

function identityText({ issuer, san, ...rest }: PublisherTrust['identities'][number]): string {
  return `identity ${san} of ${issuer}${stateText(rest)}`;
}

function stateText({
  notBefore,
  notAfter,
  revokedAt,
}: Pick<PublisherTrust['keys'][number], 'notBefore' | 'notAfter' | 'revokedAt'>): string {
  if (revokedAt !== null) return ` (removed ${revokedAt.toISOString()})`;
  const times = [
    ...(notBefore === null ? [] : [`from ${notBefore.toISOString()}`]),
    ...(notAfter === null ? [] : [`until ${notAfter.toISOString()}`]),
  ];
  return times.length === 0 ? '' : ` (${times.join(' ')})`;
}
