import type { Code } from '../catalog/codes.ts';

/**
 * Codes a cell ends a call with of its own: what the runner or the prelude stopped or refused. The prelude lets
 * no guest say them, and they concern nobody but the extension whose call they end: a cell that was taken over
 * gains nothing by one.
 */
export const CELL_CODES = {
  E_LIMIT_CPU: true,
  E_LIMIT_MEMORY: true,
  E_LIMIT_OUTPUT: true,
  E_LIMIT_RATE: true,
} as const satisfies Partial<Record<Code, true>>;
