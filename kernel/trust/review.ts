import { member } from './statement.ts';

/** The predicate type of a review. Docs: `docs/guide/author.md`. */
export const REVIEW_TYPE = 'https://magflock.dev/attestations/review/v1';

/** What a reviewer signs about a package, which is the subject of the statement. */
export interface Review {
  /** There is no other: whoever does not approve signs nothing. */
  readonly verdict: 'approved';
  /** The report of `mag extension:review` that the reviewer went through. */
  readonly report: {
    readonly digest: { readonly sha256: string };
    /** Of a failing report nobody approves the package. */
    readonly verdict: 'pass' | 'person';
    readonly reviewedAt: string;
  };
  /** The reviewer's own word: who it is, the signature says. */
  readonly reviewer: { readonly keyId: string | null };
  readonly approvedAt: string;
}

/** Why a predicate is no approval; `null`: it is one. */
export function reviewProblem(predicate: unknown): string | null {
  if (member(predicate, 'verdict') !== 'approved') return 'it does not approve the package';
  const report = member(predicate, 'report');
  const digest = member(member(report, 'digest'), 'sha256');
  if (typeof digest !== 'string' || !/^[0-9a-f]{64}$/.test(digest)) return 'it names no report';
  const verdict = member(report, 'verdict');
  if (verdict !== 'pass' && verdict !== 'person') return 'the report it names does not pass';
  const at = member(predicate, 'approvedAt');
  return typeof at === 'string' && !Number.isNaN(Date.parse(at)) ? null : 'it does not say when';
}
