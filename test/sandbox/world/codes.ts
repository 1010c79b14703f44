import type { Code } from '../../../manifests/catalog/index.ts';

/** One code, or several where the machine decides which of them it is. */
export type Codes = Code | readonly Code[];

export function listed(codes: Codes | undefined): readonly Code[] {
  if (codes === undefined) return [];
  return typeof codes === 'string' ? [codes] : codes;
}

/**
 * The audit records a code leads to (spec 03): an undeclared use ends the extension, which is one record; a
 * denial is one. A limit or a refused statement ends a call, which is no decision about a right: none.
 */
export function recordsOf(codes: readonly Code[]): readonly string[] {
  if (codes.includes('E_CAP_UNDECLARED')) return ['extension.quarantined'];
  if (codes.includes('E_CAP_SCOPE') || codes.includes('E_CAP_REVOKED')) return ['capability.denied'];
  return [];
}
