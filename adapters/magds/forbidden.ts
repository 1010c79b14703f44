import { MagError } from '../../kernel/errors.ts';

/** The refusal of the gate. Names in it come from the statement of whoever reads it; its text does not. */
export function forbidden(reason: string): MagError {
  return new MagError('E_SQL_FORBIDDEN', reason);
}
