import { define, GuestError } from './primordials.ts';

/** What the platform throws as a DOMException: told apart by its `name`. */
export function namedError(name: string, message: string): Error {
  const error = new GuestError(message);
  define(error, 'name', name);
  return error;
}
