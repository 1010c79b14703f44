/**
 * Text that Postgres can store: NUL and broken surrogate pairs, which it refuses, become U+FFFD. For text that
 * is shown to people and not compared again.
 */
export function storableText(text: string): string {
  return text.replaceAll('\0', '\uFFFD').toWellFormed();
}

/** Whether Postgres stores the text exactly as it is. */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}
