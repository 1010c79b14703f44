import { promisify } from 'node:util';
import { gzip as gzipCallback } from 'node:zlib';
import { pack as tar } from 'tar-stream';

const gzip = promisify(gzipCallback);

/** Where RFC 1952 says on which system a file was made, and its value for "unknown". */
const GZIP_OS_BYTE = 9;
const UNKNOWN_OS = 255;

/**
 * A `.mag`: the same files give the same bytes, whenever and on whichever system (spec 02, package).
 * `manifest.json` comes first, the rest sorted by name.
 */
export function writeArchive(files: ReadonlyMap<string, Uint8Array>): Promise<Uint8Array> {
  const names = inOrder([...files.keys()]);
  return writeTar(names.map((name) => [name, files.get(name) ?? new Uint8Array()]));
}

/** A `.tar.gz` of files in this order. The same files give the same bytes. */
export async function writeTar(
  files: Iterable<readonly [name: string, content: Uint8Array]>,
): Promise<Uint8Array> {
  const archive = tar();
  for (const [name, content] of files) {
    const header = { name, mode: 0o644, uid: 0, gid: 0, mtime: new Date(0), type: 'file' } as const;
    archive.entry(header, Buffer.from(content));
  }
  archive.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of archive as AsyncIterable<Uint8Array>) chunks.push(chunk);
  const bytes = await gzip(Buffer.concat(chunks), { level: 9 });
  bytes[GZIP_OS_BYTE] = UNKNOWN_OS;
  return bytes;
}

function inOrder(names: readonly string[]): string[] {
  const rest = names.filter((name) => name !== 'manifest.json').sort();
  return ['manifest.json', ...rest];
}
