/** Why a manifest was refused. `problems` are sentences for the author, each naming its place. */
export class ManifestError extends Error {
  readonly code: 'E_MANIFEST_INVALID' | 'E_UNSUPPORTED';
  readonly problems: readonly string[];

  constructor(code: ManifestError['code'], problems: readonly string[]) {
    super(problems.join('; '));
    this.name = 'ManifestError';
    this.code = code;
    this.problems = problems;
  }
}
