import { createHash, createPublicKey, type KeyObject, randomUUID, sign, X509Certificate } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { bundleToJSON } from '@sigstore/bundle';
import { DSSEBundleBuilder, type Signer, type Witness } from '@sigstore/sign';
import { MagError, messageOf } from '../../kernel/errors.ts';
import { attestationLines } from '../../kernel/trust/attestation-file.ts';
import { defaultKeyId, keyHint } from '../../kernel/trust/public-key.ts';
import { REVIEW_TYPE, type Review, reviewProblem } from '../../kernel/trust/review.ts';
import { parseBundle, type Signature } from '../../kernel/trust/signature.ts';
import { member } from '../../kernel/trust/statement.ts';
import { readOrRefuse, readPrivateKey } from './sign.ts';
import { type KeylessOptions, keylessSigning } from './sign-keyless.ts';

export interface Attested {
  /** The file with the reviews of the package, this one among them. */
  readonly file: string;
  /** An earlier review of the same reviewer was there. */
  readonly replaced: boolean;
  /** Of the report that was approved. */
  readonly report: { readonly verdict: Review['report']['verdict']; readonly sha256: string };
}

/** With a key file (PKCS8 PEM, P-256), or without a key. */
export type ReviewSigner = { readonly key: string } | { readonly keyless: KeylessOptions };

/**
 * Approves a package: signs what `extension:review` reported of it, and puts that into the `<file>.intoto.jsonl`
 * beside it, in place of an earlier review of the same key or identity. Other lines stay.
 * @throws `E_BAD_REQUEST` when a file cannot be read, the key or the report is none, the report is about another
 *   package or fails; `E_SIG_INVALID` when the file beside the package is too long; `E_NET` as `signKeyless`
 */
export async function attestReview(file: string, reportFile: string, by: ReviewSigner): Promise<Attested> {
  const digest = sha256(await readOrRefuse(file));
  const reportBytes = await readOrRefuse(reportFile);
  const { signer, witnesses, keyId } = await signing(by);
  const report = { ...reportOn(digest, reportBytes), digest: { sha256: sha256(reportBytes) } };
  const approvedAt = new Date().toISOString();
  const review: Review = { verdict: 'approved', report, reviewer: { keyId }, approvedAt };
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: basename(file), digest: { sha256: digest } }],
    predicateType: REVIEW_TYPE,
    predicate: review,
  };
  const data = Buffer.from(JSON.stringify(statement));
  const builder = new DSSEBundleBuilder({ signer, witnesses });
  const bundle = await builder
    .create({ data, type: 'application/vnd.in-toto+json' })
    .catch((cause: unknown) => {
      throw new MagError('E_NET', `The review could not be signed: ${messageOf(cause)}.`, { cause });
    });
  const target = `${file}.intoto.jsonl`;
  const replaced = await putLine(target, JSON.stringify(bundleToJSON(bundle)));
  return { file: target, replaced, report: { verdict: report.verdict, sha256: report.digest.sha256 } };
}

/** What a review says of the report. @throws `E_BAD_REQUEST` */
function reportOn(digest: string, bytes: Buffer): Omit<Review['report'], 'digest'> {
  const json = parse(bytes);
  const [about, verdict, reviewedAt] = ['digest', 'verdict', 'reviewedAt'].map((name) => member(json, name));
  if (typeof about !== 'string' || typeof reviewedAt !== 'string')
    throw refused('It is no report of mag extension:review.');
  if (about !== `sha256:${digest}`) throw refused('The report is about another package.');
  if (verdict === 'pass' || verdict === 'person') return { verdict, reviewedAt };
  throw refused('The report fails: what it found is to be mended, not approved.');
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return null; // which is no report
  }
}

interface Signing {
  readonly signer: Signer;
  readonly witnesses: Witness[];
  readonly keyId: string | null;
}

async function signing(by: ReviewSigner): Promise<Signing> {
  if ('keyless' in by) return { ...keylessSigning(by.keyless), keyId: null };
  const key = await readPrivateKey(by.key);
  return { signer: keySigner(key), witnesses: [], keyId: defaultKeyId(createPublicKey(key)) };
}

function keySigner(key: KeyObject): Signer {
  const publicKey = createPublicKey(key);
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const named = { $case: 'publicKey', hint: keyHint(publicKey), publicKey: pem } as const;
  return { sign: async (data) => ({ key: named, signature: sign('sha256', data, key) }) };
}

/** @returns whether one of the same signer was there */
async function putLine(target: string, line: string): Promise<boolean> {
  const before = await readFile(target, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw new MagError('E_BAD_REQUEST', `${target} cannot be read.`, { cause: error });
  });
  const lines = attestationLines(before).map(({ text }) => text);
  const who = reviewerOf(line);
  const others = lines.filter((other) => reviewerOf(other) !== who);
  const text = `${[...others, line].join('\n')}\n`;
  attestationLines(text); // no host would take more
  await replace(target, text);
  return others.length < lines.length;
}

async function replace(target: string, text: string): Promise<void> {
  const temporary = `${target}.${randomUUID()}`;
  try {
    await writeFile(temporary, text);
    await rename(temporary, target);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new MagError('E_BAD_REQUEST', `${target} cannot be written.`, { cause });
  }
}

/** Whose review a line says it is, by key or identity; `null`: it is no review, or cannot be read. */
function reviewerOf(line: string): string | null {
  try {
    const signature = parseBundle(line);
    const { statement } = signature;
    if (statement?.predicateType !== REVIEW_TYPE || reviewProblem(statement.predicate) !== null) return null;
    return signature.keyHint === null ? certified(signature) : `key ${signature.keyHint}`;
  } catch {
    return null; // it is left as it is, and no host will count it
  }
}

function certified({ bundle }: Signature): string | null {
  const { content } = bundle.verificationMaterial;
  if (content.$case !== 'certificate') return null;
  return `identity ${new X509Certificate(content.certificate.rawBytes).subjectAltName}`;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function refused(message: string): MagError {
  return new MagError('E_BAD_REQUEST', message);
}
