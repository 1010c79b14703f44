import type { FastifyInstance } from 'fastify';
import { MagError } from '../../../kernel/errors.ts';

/** Deeper JSON is refused: whoever walks it later may do so by recursion. */
const MAX_JSON_DEPTH = 200;

/** Parses a JSON text from outside. @throws `E_BAD_REQUEST`, also for `__proto__` and the like as a member */
export type ParseJson = (text: string) => Promise<unknown>;

/** fastify's own parser, which refuses prototype poisoning, behind a limit on the depth. */
export function createJsonParser(app: FastifyInstance): ParseJson {
  const parse = app.getDefaultJsonParser('error', 'error');
  return (text) =>
    new Promise((resolve, reject) => {
      if (isDeeper(text, MAX_JSON_DEPTH)) {
        reject(new MagError('E_BAD_REQUEST', `The body is nested deeper than ${MAX_JSON_DEPTH} levels.`));
        return;
      }
      // The request is not read by the parser; the type asks for one.
      parse(undefined as never, text, (error, value) => (error ? reject(error) : resolve(value)));
    });
}

const QUOTE = 34;
const BACKSLASH = 92;

/** Whether brackets outside of strings are nested deeper than this. The text need not be valid. */
export function isDeeper(text: string, levels: number): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (inString) {
      if (char === BACKSLASH) at++;
      else if (char === QUOTE) inString = false;
    } else if (char === QUOTE) inString = true;
    else if (char === 91 || char === 123) {
      if (++depth > levels) return true;
    } else if (char === 93 || char === 125) depth--;
  }
  return false;
}
