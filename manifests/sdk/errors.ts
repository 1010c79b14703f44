/**
 * An error with a code of the author's own. Thrown from an endpoint it is answered as 500 `E_EXTENSION`
 * without any detail, unless `refusals()` tells it; the code and message reach the extension's log. Errors that host
 * calls throw carry one of MagFlock's codes in `code` too, so `error.code` works for both.
 */
export class ExtensionError<Code extends string = string> extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ExtensionError';
    this.code = code;
  }
}
