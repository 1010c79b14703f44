import { MagError } from '../errors.ts';
import { type AttestationLine, attestationLines } from './attestation-file.ts';
import { MatchedSignature } from './match-signer.ts';
import type { Signers, TrustPolicy } from './policy.ts';
import { PROVENANCE_TYPE, provenanceProblem } from './provenance.ts';
import { REVIEW_TYPE, reviewProblem } from './review.ts';
import { parseBundle, type Signature } from './signature.ts';
import { endOf, isSameParty } from './signers.ts';
import type { Statement } from './statement.ts';

export interface AttestedPackage {
  /** The text of the `.intoto.jsonl`; `null`: there is none. */
  readonly attestations: string | null;
  /** SHA-256 of the package, hex. */
  readonly digest: string;
  readonly publisher: string;
  readonly policy: TrustPolicy;
  readonly now: Date;
}

/** What one line comes to. */
export interface Examined {
  /** Of the file, from 1. */
  readonly line: number;
  readonly kind: 'review' | 'provenance' | 'unknown';
  /** The reviewer, or the signer of the publisher; `null`: nobody the policy knows, or it was not looked for. */
  readonly by: string | null;
  /** Why it does not count; `null`: it does. */
  readonly problem: string | null;
}

/** How much of a refusal is about single lines: a person wants to read it. */
const MAX_REASONS = 5;

/**
 * Holds the attestations of a package whose signature was verified against what the policy asks of its publisher.
 * @throws `E_SIG_REVIEWS`, `E_SIG_PROVENANCE`; `E_SIG_INVALID` when there are too many of them
 */
export function requireAttested(given: AttestedPackage): void {
  const trust = given.policy.publishers.get(given.publisher);
  if (trust === undefined || (trust.reviews === 0 && trust.provenance === null)) {
    attestationLines(given.attestations); // what is stored with a package has limits, asked for or not
    return;
  }
  const examined = examineAttestations(given);
  const reviews = counted(examined, 'review').length;
  if (reviews < trust.reviews) {
    const asked = `Packages of ${given.publisher} need ${trust.reviews} reviews; ${reviews} count`;
    throw new MagError('E_SIG_REVIEWS', `${asked}${reasons(examined, 'review')}.`);
  }
  if (trust.provenance !== null && counted(examined, 'provenance').length === 0) {
    const asked = `Packages of ${given.publisher} need a provenance; none counts`;
    throw new MagError('E_SIG_PROVENANCE', `${asked}${reasons(examined, 'provenance')}.`);
  }
}

/**
 * Every line, and whether it counts. What the policy does not ask for is examined all the same.
 * @throws `E_SIG_INVALID` when there are too many
 */
export function examineAttestations(given: AttestedPackage): Examined[] {
  const examined: Examined[] = [];
  for (const line of attestationLines(given.attestations)) {
    const one = examineLine(line, given);
    const first = examined.find(
      ({ kind, by, problem }) => problem === null && kind === one.kind && by === one.by,
    );
    const isAgain = one.problem === null && one.kind === 'review' && first !== undefined;
    examined.push(isAgain ? { ...one, problem: `${one.by} counts already, for line ${first.line}` } : one);
  }
  return examined;
}

function examineLine({ number, text }: AttestationLine, given: AttestedPackage): Examined {
  const signature = bundleIn(text);
  const statement = signature?.statement ?? null;
  const refuse = (kind: Examined['kind'], problem: string): Examined => ({
    line: number,
    kind,
    by: null,
    problem,
  });
  if (signature === null || statement === null) return refuse('unknown', 'it is no signed in-toto statement');
  const kind = kindOf(statement);
  if (kind === 'unknown') return refuse(kind, 'it is neither a review nor SLSA provenance v1');
  if (!statement.subjects.includes(given.digest)) return refuse(kind, 'it is about other bytes');
  const verdict = kind === 'review' ? judgeReview : judgeProvenance;
  return { line: number, kind, ...verdict(new MatchedSignature(signature), statement, given) };
}

/** Only what is signed as a statement: a signature over other bytes attests nothing. */
function bundleIn(line: string): Signature | null {
  try {
    return parseBundle(line);
  } catch (error) {
    if (error instanceof MagError) return null;
    throw error;
  }
}

function kindOf({ predicateType }: Statement): Examined['kind'] {
  if (predicateType === REVIEW_TYPE) return 'review';
  return predicateType === PROVENANCE_TYPE ? 'provenance' : 'unknown';
}

type Verdict = Pick<Examined, 'by' | 'problem'>;

function judgeReview(signed: MatchedSignature, { predicate }: Statement, given: AttestedPackage): Verdict {
  const { policy, publisher, now } = given;
  let ended: Verdict | null = null;
  for (const [name, signers] of policy.reviewers) {
    const match = signed.signerAmong(signers);
    if (match === null) continue;
    const end = endOf(match, now);
    if (end === null)
      return { by: name, problem: dependence(publisher, signers, policy) ?? reviewProblem(predicate) };
    ended ??= { by: name, problem: `of the reviewer ${name}, ${end}` };
  }
  if (ended !== null) return ended;
  const own = policy.publishers.get(publisher);
  const isOwn = own !== undefined && signed.signerAmong(own) !== null;
  const stranger = 'no reviewer of the trust policy signed it, or the signature does not hold';
  return { by: null, problem: isOwn ? `${publisher} signed it itself` : stranger };
}

/** Nobody reviews their own: not with another of their keys either. */
function dependence(publisher: string, reviewer: Signers, policy: TrustPolicy): string | null {
  const own = policy.publishers.get(publisher);
  if (own === undefined || !isSameParty(own, reviewer)) return null;
  return `the reviewer signs for ${publisher} too`;
}

function judgeProvenance(
  signed: MatchedSignature,
  { predicate }: Statement,
  given: AttestedPackage,
): Verdict {
  const { policy, publisher, now } = given;
  const trust = policy.publishers.get(publisher);
  const match = trust === undefined ? null : signed.signerAmong(trust);
  if (trust === undefined || match === null)
    return {
      by: null,
      problem: `nobody signed it who signs for ${publisher}, or the signature does not hold`,
    };
  const end = endOf(match, now);
  if (end !== null) return { by: match.name, problem: end };
  const { provenance } = trust;
  const problem = provenance === null ? 'none is asked for' : provenanceProblem(predicate, provenance);
  return { by: match.name, problem };
}

function counted(examined: readonly Examined[], kind: Examined['kind']): Examined[] {
  return examined.filter((one) => one.kind === kind && one.problem === null);
}

/** Why lines that could be meant do not count. */
function reasons(examined: readonly Examined[], kind: Examined['kind']): string {
  const meant = examined.filter(
    (one) => one.problem !== null && (one.kind === kind || one.kind === 'unknown'),
  );
  if (meant.length === 0) return '';
  const said = meant.slice(0, MAX_REASONS).map(({ line, problem }) => `line ${line}: ${problem}`);
  const more = meant.length - said.length;
  return ` (${[...said, ...(more > 0 ? [`and ${more} more`] : [])].join('; ')})`;
}
