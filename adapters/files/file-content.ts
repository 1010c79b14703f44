import { MagError } from '../../kernel/errors.ts';
import type { FileEncoding } from '../../manifests/protocol/calls/files.ts';

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** @throws `E_PARAMS` when the text is not what the encoding says */
export function decodeContent(text: string, encoding: FileEncoding): Buffer {
  if (encoding === 'utf8') {
    // Half a surrogate pair would be written as something else than what was given.
    if (!text.isWellFormed()) throw new MagError('E_PARAMS', 'The content is not valid Unicode.');
    return Buffer.from(text, 'utf8');
  }
  if (text.length % 4 !== 0 || !BASE64.test(text)) {
    throw new MagError('E_PARAMS', 'The content is not base64.');
  }
  return Buffer.from(text, 'base64');
}

/** @throws `E_FILE_PATH` when the file is no text */
export function encodeContent(content: Buffer, encoding: FileEncoding): string {
  if (encoding === 'base64') return content.toString('base64');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch (cause) {
    throw new MagError('E_FILE_PATH', 'What lies at the path is no UTF-8 text; read its bytes.', { cause });
  }
}
