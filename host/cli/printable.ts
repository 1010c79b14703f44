// Control characters, and the marks that reorder or break a line. Texts of extensions reach a terminal: an
// escape sequence in a description could rewrite what an operator is about to approve.
const UNPRINTABLE = /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;
// JSON and YAML escape the characters below U+0020 and leave these, which terminals obey too.
const LEFT_RAW = /[\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** A text as one line that a terminal shows and never obeys. */
export function printable(text: string): string {
  return text.replace(/\s+/gu, ' ').replace(UNPRINTABLE, '');
}

/** The same for a text of several lines: those, and their indentation, stay. */
export function printableLines(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .split('\n')
    .map((line) => line.replaceAll('\t', '  ').replace(UNPRINTABLE, ''))
    .join('\n');
}

/** JSON text of the same value in which no character acts on a terminal. */
export function printableJson(json: string): string {
  return json.replace(LEFT_RAW, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** YAML text without the characters that act on a terminal: plain scalars cannot escape them. */
export function printableYaml(yaml: string): string {
  return yaml.replace(LEFT_RAW, '');
}
