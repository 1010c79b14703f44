import { codeOf, messageOf } from '../../kernel/errors.ts';
import { type AttestedPackage, examineAttestations } from '../../kernel/trust/attestations.ts';
import type { PublisherTrust, TrustPolicy } from '../../kernel/trust/policy.ts';

/** What the policy asks of a package beside its signature, as a sentence. */
export function needsIn(policy: TrustPolicy, publisher: string | null): string {
  const trust = publisher === null ? undefined : policy.publishers.get(publisher);
  const needs = trust === undefined ? [] : requirementsText(trust);
  return needs.length === 0 ? 'nothing but its signature' : needs.join('; ');
}

/** What the policy asks of the packages of a publisher. */
export function requirementsText({
  reviews,
  provenance,
}: Pick<PublisherTrust, 'reviews' | 'provenance'>): string[] {
  const approvals = reviews === 0 ? [] : [`${reviews} ${reviews === 1 ? 'review' : 'reviews'}`];
  if (provenance === null) return approvals;
  return [...approvals, `provenance of ${provenance.builder}, built from ${provenance.sourceRepository}`];
}

/** A sentence for each line of the file: whether it counts, and why not. */
export function attestationsText(given: AttestedPackage): string[] {
  try {
    return examineAttestations(given).map(({ line, kind, by, problem }) => {
      const what = `line ${line}: ${kind === 'unknown' ? 'attestation' : kind}${by === null ? '' : ` by ${by}`}`;
      return problem === null ? `${what}: counts` : `${what}: does not count, ${problem}`;
    });
  } catch (error) {
    return [`${codeOf(error)}: ${messageOf(error)}`];
  }
}
