import { stringify } from 'yaml';
import type { Json } from '../../manifests/json.ts';
import { printable, printableJson, printableYaml } from './printable.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

export const FORMATS = ['table', 'json', 'yaml'] as const;
export type Format = (typeof FORMATS)[number];

/** Where answers go: to stdout, in the format that was asked for. */
export interface Output {
  readonly format: Format;
  /** The answer of the command, once. In `json` it is all that stdout ever carries. */
  print(value: Json, asText: () => string): void;
  /** One element of an endless list: a line of JSON, a YAML document, or a line of text. */
  printItem(value: Json, asText: () => string): void;
  /** A remark to the person watching: on stdout only where no program reads it. */
  say(text: string): void;
}

export function createOutput(terminal: Terminal, format: Format): Output {
  const { stdout, stderr } = terminal;
  return {
    format,
    print: (value, asText) => stdout.write(`${render(format, value, asText, 2)}\n`),
    printItem: (value, asText) =>
      stdout.write(`${format === 'yaml' ? '---\n' : ''}${render(format, value, asText)}\n`),
    say: (text) => (format === 'table' ? stdout : stderr).write(`${text}\n`),
  };
}

/** Reads `--output`. @throws UsageError */
export function toFormat(value: string | undefined): Format {
  const format = FORMATS.find((known) => known === (value ?? 'table'));
  if (format) return format;
  throw new UsageError(`--output takes ${FORMATS.join(', ')}; got "${printable(value ?? '')}"`);
}

function render(format: Format, value: Json, asText: () => string, indent = 0): string {
  if (format === 'table') return asText();
  if (format === 'json') return printableJson(JSON.stringify(value, null, indent));
  return printableYaml(stringify(value)).trimEnd();
}
