import type { JsonObject } from '../../manifests/json.ts';

/** `person`: a program cannot decide it; the findings say what to look at. */
export type Outcome = 'pass' | 'fail' | 'person';

/** One line of the checklist (spec 08). */
export interface Check {
  readonly id: string;
  readonly title: string;
  readonly outcome: Outcome;
  /** What was found, in sentences: why it fails, what a person has to look at, or what was measured. */
  readonly findings: readonly string[];
}

export interface ReviewReport {
  readonly extension: string;
  readonly version: string;
  /** `sha256:<hex>` of the package: what an approval is about. */
  readonly digest: string;
  readonly reviewedAt: string;
  /** Of the MagFlock that looked. */
  readonly magflock: string;
  /** The worst outcome of all checks. */
  readonly verdict: Outcome;
  readonly checks: readonly Check[];
}

const TITLES = {
  manifest: 'the manifest is complete and valid',
  capabilities: 'each capability is justified and used, nothing is used undeclared',
  security: 'security scan: dangerous patterns, signs of obfuscation',
  dependencies: 'bundled dependencies are known, and none is known to be bad',
  license: 'licence MIT, Apache-2.0, BSD or ISC, dependencies included',
  documentation: 'README, API documentation and an example',
  members: 'the members of the bundle are reviewed',
  tests: 'tests are there and pass',
  performance: 'cold start, latency and memory within budget',
  escape: 'attempts to escape are contained',
  audit: 'what it does is on record in the audit log',
} as const;

export type CheckId = keyof typeof TITLES;

/** A check that fails for `failures`, needs a person for `questions`, and else passes with `notes`. */
export function check(
  id: CheckId,
  found: {
    readonly failures?: readonly string[];
    readonly questions?: readonly string[];
    readonly notes?: readonly string[];
  },
): Check {
  const { failures = [], questions = [], notes = [] } = found;
  const outcome = failures.length > 0 ? 'fail' : questions.length > 0 ? 'person' : 'pass';
  return { id, title: TITLES[id], outcome, findings: [...failures, ...questions, ...notes] };
}

export function verdictOf(checks: readonly Check[]): Outcome {
  const outcomes = checks.map(({ outcome }) => outcome);
  if (outcomes.includes('fail')) return 'fail';
  return outcomes.includes('person') ? 'person' : 'pass';
}

/** The report as JSON. */
export function reportJson(report: ReviewReport): JsonObject {
  const checks = report.checks.map((one) => ({ ...one, findings: [...one.findings] }));
  return { ...report, checks };
}
