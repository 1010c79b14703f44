import { members, string, wrong } from './policy-json.ts';

/** What SLSA provenance must say of the packages of a publisher. Matched exactly. */
export interface ProvenanceRule {
  /** `runDetails.builder.id`: of GitHub Actions the workflow, with its ref. */
  readonly builder: string;
  /** `externalParameters.workflow.repository`, as GitHub writes it, or else `externalParameters.source`. */
  readonly sourceRepository: string;
}

/** More reviewers than these nobody asks for by intent. */
export const MAX_REVIEWS = 16;

/** Absent: none. @throws `E_CONFIG` */
export function parseReviews(json: unknown, at: string): number {
  if (json === undefined) return 0;
  if (typeof json === 'number' && Number.isInteger(json) && json >= 0 && json <= MAX_REVIEWS) return json;
  throw wrong(at, `must be a number from 0 to ${MAX_REVIEWS}`);
}

/** Absent: nothing is asked. @throws `E_CONFIG` */
export function parseProvenanceRule(json: unknown, at: string): ProvenanceRule | null {
  if (json === undefined) return null;
  const rule = members(json, at, ['builder', 'sourceRepository']);
  return {
    builder: string(rule.builder, `${at}/builder`),
    sourceRepository: string(rule.sourceRepository, `${at}/sourceRepository`),
  };
}
