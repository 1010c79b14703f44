/** Whether Postgres stores the text exactly as it is: it refuses NUL and broken surrogate pairs. */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

/** Text that Postgres can store: what it refuses becomes U+FFFD. For text that is shown to people and not compared again. */
export function storableText(text: string): string {
  return text.replaceAll('\0', '\uFFFD').toWellFormed();
}
