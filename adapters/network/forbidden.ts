import { MagError } from '../../kernel/errors.ts';

/** What no grant allows: the message names what the extension itself wrote and nothing the host found out. */
export function forbidden(reason: string): MagError {
  return new MagError('E_NET_FORBIDDEN', reason);
}
