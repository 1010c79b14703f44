/** A form that the values of a scope key take, so that comparing them as text compares what they mean. */
export type ScopeForm = 'origin' | 'method';

const METHOD = /^[A-Z]+(-[A-Z]+)*$/;

/** What is wrong with a scope value of this form, as the end of a sentence; `null` if nothing is. */
export function scopeFormProblem(form: ScopeForm, value: string): string | null {
  if (form === 'method') return METHOD.test(value) ? null : 'is not an HTTP method in capitals';
  const origin = canonicalOrigin(value);
  if (origin === null) return 'is not the origin of an http or https address';
  return origin === value ? null : `must be written ${origin}`;
}

/** Scheme, host and port as the WHATWG URL parser reads them; no pattern, path or credentials. */
function canonicalOrigin(value: string): string | null {
  const url = URL.parse(value);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) return null;
  return url.origin.includes('*') ? null : url.origin;
}
