import { MagError } from '../../kernel/errors.ts';

/** The folder in which `filesystem.temp_only` is enough. */
export const TEMP = 'temp';
/** Below it lie the folders that the operator lends, by their names. */
export const MOUNTS = 'mounts';
/** Names of files that are being written begin so; no extension can name one. */
export const RESERVED_PREFIX = '.mag-';

const MAX_PATH_BYTES = 512;
/** Linux takes 255 bytes, some file systems that encrypt names much less. */
const MAX_NAME_BYTES = 140;
const MAX_DEPTH = 16;
// Control characters, the separators of other systems, and what their shells expand.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const FORBIDDEN_CHARACTER = /[\u0000-\u001f\u007f-\u009f\\:*?"<>|]/;
/** Devices on Windows, with any ending. */
const DEVICE = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/i;

/** A path below the folder of an extension, as its names from the top. Empty: the folder itself. */
export type FilePath = readonly string[];

/**
 * Reads a relative POSIX path. It is refused, not mended, so that one file has one path on every system: no
 * `.`, `..` or empty names, no other system's separators or devices, Unicode in composed form.
 * @throws `E_FILE_PATH`
 */
export function readPath(text: string): FilePath {
  if (!text.isWellFormed() || Buffer.byteLength(text) > MAX_PATH_BYTES)
    throw malformed('too long, or no text');
  if (text.startsWith('/')) throw malformed('absolute');
  const names = text.split('/');
  if (names.length > MAX_DEPTH) throw malformed(`deeper than ${MAX_DEPTH} folders`);
  for (const name of names) checkName(name);
  return names;
}

export function isTemp([top]: FilePath): boolean {
  return top === TEMP;
}

function checkName(name: string): void {
  if (name === '' || name === '.' || name === '..') throw malformed('with an empty name, "." or ".."');
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) throw malformed(`with a name over ${MAX_NAME_BYTES} bytes`);
  if (FORBIDDEN_CHARACTER.test(name)) throw malformed('with a character that is not available');
  if (name.endsWith('.') || name.endsWith(' ') || name.startsWith(' ')) {
    throw malformed('with a name that begins or ends with a space, or ends with a dot');
  }
  if (DEVICE.test(name) || name.toLowerCase().startsWith(RESERVED_PREFIX))
    throw malformed('with a reserved name');
  if (name.normalize('NFC') !== name) throw malformed('not in composed Unicode (NFC)');
}

function malformed(why: string): MagError {
  return new MagError('E_FILE_PATH', `The path is ${why}.`);
}
