import type { ProvenanceRule } from './policy.ts';
import { member } from './statement.ts';

/** SLSA provenance, as `actions/attest-build-provenance` writes it. */
export const PROVENANCE_TYPE = 'https://slsa.dev/provenance/v1';

/** What a predicate says that is not what was asked for; `null`: it is. */
export function provenanceProblem(predicate: unknown, rule: ProvenanceRule): string | null {
  const builder = member(member(member(predicate, 'runDetails'), 'builder'), 'id');
  if (builder !== rule.builder) return `it names the builder ${shown(builder)}`;
  const repository = repositoryOf(member(member(predicate, 'buildDefinition'), 'externalParameters'));
  if (repository === rule.sourceRepository) return null;
  return `it names the source repository ${shown(repository)}`;
}

/** GitHub says it in `workflow`, GitLab in `source`. */
function repositoryOf(parameters: unknown): unknown {
  return member(member(parameters, 'workflow'), 'repository') ?? member(parameters, 'source');
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 200)) : 'nowhere';
}
